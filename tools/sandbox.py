"""Run code that came from somebody else in a process apart, and say what in it to look at.

Where bubblewrap (`bwrap`) works, the process has no network, can write nothing that stays, and sees
only what it needs. Everywhere it has a limit on time and memory.
"""

import ast
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parent.parent
RUNNER = ROOT / "tools" / "run_cells.py"
SUSPECT_NAMES = {"setattr", "exec", "eval", "get_ipython", "__import__", "open", "reload"}
SUSPECT_ATTRIBUTES = {"__dict__", "__globals__", "_getframe", "f_globals", "f_back"}
SUSPECT_METHODS = {"reload", "system", "Popen", "read_text", "run_cell"}


@dataclass(frozen=True)
class Limits:
    """Of the code of one submission."""

    cell: int = 60  # seconds
    notebook: int = 300  # seconds
    gigabytes: float = 6.0


def sandbox() -> list[str]:
    """The command that closes student code in; empty where bubblewrap does not work."""
    if not shutil.which("bwrap"):
        return []
    closed = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    for folder in dict.fromkeys((sys.base_prefix, sys.prefix, str(ROOT))):
        if Path(folder).is_relative_to("/tmp"):  # Python itself, when all this lies there
            closed += ["--ro-bind", folder, folder]
    closed += ["--unshare-net", "--unshare-pid", "--unshare-ipc"]
    closed += ["--die-with-parent", "--cap-drop", "ALL"]
    ready = [sys.executable, "-c", "import nbclient, vqedu"]
    tried = subprocess.run([*closed, *ready], capture_output=True, check=False)
    return closed if tried.returncode == 0 else []


def execute(notebook, files: Path, limits: Limits, closed: list[str], hide: list[Path]) -> int:
    """Run the code cells in a process apart and put their outputs into the notebook.

    Args:
        notebook: is changed in place.
        files: a folder; what lies in it besides notebooks is copied beside the code.
        limits: of the process.
        closed: the command of :func:`sandbox`.
        hide: folders that the code shall not see; only where there is a sandbox.

    Cells that were not reached end in an error that says why.

    Returns:
        The most memory that the kernel took, in megabytes; 0 if the process was killed.
    """
    why = "the kernel died, perhaps for want of memory"
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        tempfile.TemporaryFile() as results,
    ):
        place = Path(scratch, "work")
        shutil.copytree(files, place, ignore=shutil.ignore_patterns("*.ipynb"))
        command = list(closed)
        if closed:
            for folder in hide:
                command += ["--tmpfs", str(folder)] if folder.is_dir() else []
            command += ["--ro-bind", str(RUNNER), "/tmp/run_cells.py"]
            command += ["--bind", str(place), "/tmp/work", "--chdir", "/tmp/work"]
        runner = "/tmp/run_cells.py" if closed else str(RUNNER)
        command += [sys.executable, runner, "--to", str(results.fileno())]
        command += ["--seconds", str(limits.cell), "--gigabytes", str(limits.gigabytes)]
        home = "/tmp" if closed else scratch
        settings = {"HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR", "TMPDIR"}
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(results.fileno(),),
            start_new_session=True,
            cwd=place,
            env=os.environ | dict.fromkeys(settings, home),
        )
        try:
            process.stdin.write(nbformat.writes(notebook).encode())
            process.stdin.close()
            process.wait(limits.notebook)
        except subprocess.TimeoutExpired:
            why = f"the notebook took longer than {limits.notebook} seconds"
        except BrokenPipeError:
            pass
        finally:
            family = []
            with contextlib.suppress(psutil.NoSuchProcess):  # the kernel has a session of its own
                family = psutil.Process(process.pid).children(recursive=True)
            for one in (process, *family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait()
            psutil.wait_procs(family, 5)
        results.seek(0)
        lines = [json.loads(line) for line in results if line.endswith(b"\n")]
    megabytes = lines.pop()["megabytes"] if lines and "megabytes" in lines[-1] else 0
    found = {line["cell"]: line for line in lines}
    error = {"output_type": "error", "ename": "NotExecuted", "evalue": why, "traceback": [why]}
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            outputs = found[i]["outputs"] if i in found else [error]
            cell.outputs = [nbformat.from_dict(output) for output in outputs]
            cell.execution_count = found[i]["count"] if i in found else None
    return megabytes


def suspects(notebook) -> list[str]:
    """What a teacher should look at: code that reaches for the tests or changes other modules."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or cell.metadata.get("nbgrader", {}).get("locked"):
            continue
        try:
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
        except SyntaxError:
            continue
        modules = {
            (name.asname or name.name).split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        } | {"torch", "vqedu", "F", "nn", "check", "builtins"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name, method = (getattr(node.func, part, "") for part in ("id", "attr"))
                if name in SUSPECT_NAMES or method in SUSPECT_METHODS:
                    found.append(f"calls {name or method}")
            if isinstance(node, ast.Attribute) and node.attr in SUSPECT_ATTRIBUTES:
                found.append(f"uses {node.attr}")
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = node.value
                while isinstance(owner, ast.Attribute):
                    owner = owner.value
                if isinstance(owner, ast.Name) and owner.id in modules:
                    found.append(f"assigns to {ast.unparse(node)}")
            if (
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Store)
                and node.id == "check"
            ):
                found.append("assigns to check")
    return sorted(set(found))
