"""Checks an installation and says in words how to mend what is wrong.

``vqedu doctor`` prints the report; ``chapters/00_start_here`` shows it in its first cell. Nothing
heavy is imported at the top, so that the doctor still works where torch does not.
"""

import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
import textwrap
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

MIN_PYTHON = (3, 11)
GIB = 2**30
WIDTH = 96
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # a container, such as Binder's, may have less
PIP = "python -m pip install -c constraints.txt"


@dataclass(frozen=True)
class Check:
    """One finding.

    Args:
        name: what was looked at.
        status: ``"ok"``, ``"warn"`` (the course works, with a limit) or ``"fail"`` (it does not).
        detail: what was found.
        mend: what to do about it; empty when ok.
    """

    name: str
    status: str
    detail: str
    mend: str = ""


def check() -> list[Check]:
    """Look at Python, packages, device, memory, disk, data and notebook kernel, in that order."""
    return [
        check_python(),
        *check_packages(),
        check_torchvision(),
        check_device(),
        check_memory(),
        check_disk(),
        *check_data(),
        check_cache(),
        check_kernel(),
    ]


def report(checks: list[Check]) -> str:
    """A table of the findings, one a line, each with its mend below when it has one."""
    indent = " " * 6
    wide = max(len(c.name) for c in checks)
    lines = []
    for c in checks:
        lines.append(f"{c.status:<4}  {c.name:<{wide}}  {c.detail}")
        lines += textwrap.wrap(c.mend, WIDTH, initial_indent=indent, subsequent_indent=indent)
    bad = [sum(c.status == status for c in checks) for status in ("fail", "warn")]
    if any(bad):
        lines.append(f"\n{bad[0]} to mend, {bad[1]} to know about; what to do stands below each.")
    else:
        lines.append("\nAll is well.")
    return "\n".join(lines)


def main() -> int:
    """Print the report; 0 when nothing fails, else 1."""
    checks = check()
    print(report(checks))
    return int(any(c.status == "fail" for c in checks))


def check_python() -> Check:
    found = platform.python_version()
    if sys.version_info < MIN_PYTHON:
        wanted = ".".join(map(str, MIN_PYTHON))
        mend = f"Install Python {wanted} or newer and make a new virtual environment with it."
        return Check("Python", "fail", f"{found}; {wanted} or newer is needed", mend)
    return Check("Python", "ok", f"{found} on {platform.system()} {platform.machine()}")


def check_packages() -> list[Check]:
    """Each package that ``import vqedu`` and the chapters need, against its lowest version."""
    try:
        requirements = metadata.requires("vqedu") or []
    except metadata.PackageNotFoundError:
        mend = f"In the folder that holds pyproject.toml: {PIP} -e ."
        return [Check("vqedu", "fail", "not installed", mend)]
    runtime = [line for line in requirements if "extra ==" not in line]
    return [_check_package(*re.match(r"([\w.-]+)\s*>=\s*([\w.]+)", r).groups()) for r in runtime]


def _check_package(name: str, minimum: str) -> Check:
    mend = f'{PIP} "{name}>={minimum}"'
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name, "fail", f"not installed; {minimum} or newer is needed", mend)
    if _release(found) < _release(minimum):
        return Check(name, "fail", f"{found}; {minimum} or newer is needed", mend)
    return Check(name, "ok", f"{found} (at least {minimum})")


def _release(version: str) -> tuple[int, ...]:
    """``"2.15.0+cpu"`` -> ``(2, 15, 0)``: enough to compare with a lower bound."""
    return tuple(int(n) for n in re.match(r"\d+(\.\d+)*", version)[0].split("."))


def check_torchvision() -> Check:
    """Torch and torchvision are built in pairs: a wrong pair fails at import, so import them."""
    name = "torch fits torchvision"
    try:
        import torch
        import torchvision
    except Exception as error:  # a broken binary raises ImportError, OSError or RuntimeError
        mend = "Install both anew, as a pair: " + PIP + " --force-reinstall torch torchvision"
        return Check(name, "fail", _one_line(error), mend)
    return Check(name, "ok", f"{torch.__version__} with {torchvision.__version__}")


def check_device() -> Check:
    """Where models will be trained: a CUDA GPU, Apple's MPS, or the CPU."""
    try:
        import torch
    except Exception as error:
        return Check("device", "fail", _one_line(error), "Mend torch first.")
    cpu = f"CPU, using {torch.get_num_threads()} of {os.cpu_count()} cores"
    with warnings.catch_warnings(record=True) as caught:  # an old driver is only warned about
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if available:
        return _check_cuda(torch, cpu)
    if torch.backends.mps.is_available():
        return Check("device", "ok", f"MPS (Apple GPU); {cpu}")
    if shutil.which("nvidia-smi"):
        reason = _one_line(caught[0].message) if caught else f"torch {torch.__version__} sees none"
        mend = "For the GPU, update its driver, or install a torch that was built for your driver."
        return Check("device", "warn", f"{cpu}; an NVIDIA driver, but no GPU: {reason}", mend)
    return Check("device", "ok", f"{cpu}; no GPU, none is needed")


def _check_cuda(torch, cpu: str) -> Check:
    try:
        torch.ones(2, device="cuda").sum().item()  # a GPU too old for this torch fails only here
        found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    except Exception as error:
        mend = (
            "Set CUDA_VISIBLE_DEVICES to nothing to use the CPU, or install a torch for this GPU."
        )
        return Check("device", "warn", f"{cpu}; the GPU fails: {_one_line(error)}", mend)
    gpus = ", ".join(f"{gpu.name} ({gpu.total_memory / GIB:.0f} GiB)" for gpu in found)
    return Check("device", "ok", f"CUDA: {gpus}; {cpu}")


def check_memory() -> Check:
    """Memory that this process may still take, in GiB."""
    try:
        import psutil
    except ImportError as error:
        return Check("memory", "fail", _one_line(error), "Mend psutil first.")
    memory = psutil.virtual_memory()
    free, total = memory.available, memory.total
    if CONTAINER_LIMIT.is_file() and CONTAINER_LIMIT.read_text().strip().isdigit():
        total = min(total, int(CONTAINER_LIMIT.read_text()))
        free = min(free, total)
    detail = f"{free / GIB:.1f} GiB free of {total / GIB:.1f} GiB"
    if free < 2 * GIB:
        mend = "Close other programs and notebooks; the chapters need about 2 GiB."
        return Check("memory", "warn", detail, mend)
    return Check("memory", "ok", detail)


def check_disk() -> Check:
    """Room in the current folder, for downloads, checkpoints and the site."""
    free = shutil.disk_usage(".").free
    if free < 2 * GIB:
        mend = "Free some space; data sets, checkpoints and the built site take about 2 GiB."
        return Check("disk", "warn", f"{free / GIB:.1f} GiB free", mend)
    return Check("disk", "ok", f"{free / GIB:.1f} GiB free")


def check_data() -> list[Check]:
    """The images that ship inside the package, against their checksums."""
    try:
        from .data import verify

        found = verify()
    except Exception as error:
        mend = "Mend torch first, or else install vqedu again."
        return [Check("shipped data", "fail", _one_line(error), mend)]
    wrong = [f"{file} {detail}" for file, ok, detail in found if not ok]
    if wrong:
        mend = "Restore the file from the repository (git checkout), or install vqedu again."
        return [Check("shipped data", "fail", text, mend) for text in wrong]
    return [Check("shipped data", "ok", f"Fashion-MNIST, {len(found)} files, checksums agree")]


def check_cache() -> Check:
    """Whether downloaded data sets can be kept."""
    try:
        from .data import cache_folder
    except Exception as error:
        return Check("cache folder", "fail", _one_line(error), "Mend torch first.")
    folder = cache_folder()
    home = Path.home()
    shown = f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return Check("cache folder", "ok", shown)
    except OSError as error:
        mend = "Set the environment variable VQEDU_DATA to a folder that you may write to."
        return Check("cache folder", "warn", f"{shown}: {error.strerror}", mend)


def check_kernel() -> Check:
    """Whether notebooks run on this Python: a kernel of that name may belong to another one."""
    name, mend = "notebook kernel", f'Install Jupyter: {PIP} -e ".[notebooks]"'
    if not (importlib.util.find_spec("ipykernel") and importlib.util.find_spec("jupyter_client")):
        return Check(name, "warn", "Jupyter is not installed; the package works without", mend)
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        python = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Check(name, "warn", "Jupyter has no kernel named python3", mend)
    if os.path.isabs(python) and not _same_python(python, sys.executable):
        mend = "Make the kernel anew: python -m ipykernel install --sys-prefix --name python3"
        return Check(name, "warn", f"python3 starts another Python: {python}", mend)
    return Check(name, "ok", "python3")


def _same_python(one: str, other: str) -> bool:
    """The same environment: python and python3 of one folder are two names of one program."""
    return Path(one).parent == Path(other).parent


def _one_line(error) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
