import builtins
import shutil
import subprocess
import sys
import types
from importlib import metadata

import psutil
import pytest
import torch

from vqedu import data, doctor
from vqedu.doctor import GIB, Check


@pytest.fixture(scope="module")
def checks():
    return doctor.check()


@pytest.fixture
def broken_import(monkeypatch):
    """Makes ``import name`` raise the given error."""
    original = builtins.__import__

    def install(name, error):
        def broken(wanted, *args, **kwargs):
            if wanted.split(".")[0] == name:
                raise error
            return original(wanted, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", broken)

    return install


def test_everything_is_looked_at(checks):
    names = [c.name for c in checks]
    for name in ("Python", "torch", "scikit-image", "torch fits torchvision", "device", "memory"):
        assert name in names
    for name in ("disk", "shipped data", "cache folder", "notebook kernel"):
        assert name in names


def test_this_installation_does_not_fail(checks):
    assert [c for c in checks if c.status == "fail"] == []


def test_each_finding_but_ok_says_how_to_mend_it(checks):
    for c in checks:
        assert c.status in ("ok", "warn", "fail")
        assert bool(c.mend) == (c.status != "ok")
        assert c.detail
        assert "\n" not in c.detail


def test_the_report():
    text = doctor.report(
        [Check("Python", "ok", "3.12.0"), Check("torch", "fail", "absent", "Install it. " * 20)]
    )
    lines = text.splitlines()
    assert lines[0] == "ok    Python  3.12.0"
    assert lines[1] == "fail  torch   absent"
    assert lines[2].startswith("      Install it.")
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("1 to mend, 0 to know about")
    assert doctor.report([Check("Python", "ok", "3.12.0")]).endswith("All is well.")


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_exit_code(monkeypatch, capsys, status, code):
    monkeypatch.setattr(doctor, "check", lambda: [Check("x", status, "y", "z")])
    assert doctor.main() == code
    assert f"{status:<4}  x  y" in capsys.readouterr().out


def test_old_python(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4))
    found = doctor.check_python()
    assert (found.status, "3.11 or newer" in found.mend) == ("fail", True)


def test_packages_missing_and_old(monkeypatch):
    original = metadata.version

    def version(name):
        if name == "tqdm":
            raise metadata.PackageNotFoundError(name)
        return "2.9.1+cpu" if name == "torch" else original(name)

    monkeypatch.setattr(metadata, "version", version)
    found = {c.name: c for c in doctor.check_packages()}
    assert found["tqdm"].status == found["torch"].status == "fail"
    assert found["torch"].detail == "2.9.1+cpu; 2.10 or newer is needed"
    assert '"torch>=2.10"' in found["torch"].mend
    assert found["numpy"].status == "ok"


def test_vqedu_itself_missing(monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    (found,) = doctor.check_packages()
    assert (found.name, found.status) == ("vqedu", "fail")


def test_a_torchvision_built_for_another_torch(broken_import):
    broken_import("torchvision", RuntimeError("operator torchvision::nms\ndoes not exist"))
    found = doctor.check_torchvision()
    assert found.status == "fail"
    assert found.detail == "RuntimeError: operator torchvision::nms does not exist"
    assert "torch torchvision" in found.mend


def test_the_doctor_works_without_torch():
    """In a fresh Python in which torch, psutil and Jupyter cannot be imported."""
    code = """if True:
        import sys
        for name in ("torch", "torchvision", "psutil", "ipykernel", "jupyter_client"):
            sys.modules[name] = None
        import importlib.util
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name: None if name in sys.modules else find(name)
        from vqedu import doctor
        raise SystemExit(doctor.main())"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    for name in ("torch fits torchvision", "device", "memory", "shipped data", "cache folder"):
        assert f"fail  {name}" in done.stdout
    assert "warn  notebook kernel" in done.stdout


@pytest.fixture
def cuda(monkeypatch):
    gpu = types.SimpleNamespace(name="A GPU", total_memory=80 * GIB)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda i: gpu)


def test_cuda(monkeypatch, cuda):
    monkeypatch.setattr(torch, "ones", lambda n, device: torch.zeros(n))
    found = doctor.check_device()
    assert found.status == "ok"
    assert found.detail.startswith("CUDA: A GPU (80 GiB), A GPU (80 GiB); CPU")


def test_a_gpu_that_this_torch_cannot_use(monkeypatch, cuda):
    def ones(n, device):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(torch, "ones", ones)
    found = doctor.check_device()
    assert (found.status, "no kernel image" in found.detail) == ("warn", True)
    assert "CUDA_VISIBLE_DEVICES" in found.mend


def test_other_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert doctor.check_device().detail.startswith("MPS")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda name: "nvidia-smi")
    found = doctor.check_device()
    assert (found.status, "driver" in found.mend) == ("warn", True)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert doctor.check_device().status == "ok"


@pytest.mark.parametrize(("free", "status"), [(1.9, "warn"), (2.1, "ok")])
def test_memory_and_disk(monkeypatch, free, status):
    memory = types.SimpleNamespace(available=free * GIB, total=8 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(doctor, "CONTAINER_LIMIT", doctor.Path("absent"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=free * GIB))
    assert doctor.check_memory().status == doctor.check_disk().status == status
    assert f"{free} GiB free" in doctor.check_memory().detail


@pytest.mark.parametrize(("limit", "status"), [("max\n", "ok"), (f"{GIB}\n", "warn")])
def test_memory_of_a_container(monkeypatch, tmp_path, limit, status):
    memory = types.SimpleNamespace(available=6 * GIB, total=8 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(doctor, "CONTAINER_LIMIT", tmp_path / "memory.max")
    doctor.CONTAINER_LIMIT.write_text(limit)
    assert doctor.check_memory().status == status


def test_damaged_data(monkeypatch):
    monkeypatch.setattr(
        data, "verify", lambda: [("a.gz", True, "fine"), ("b.gz", False, "altered")]
    )
    (found,) = doctor.check_data()
    assert (found.status, found.detail) == ("fail", "b.gz altered")


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.Path, "home", lambda: tmp_path)
    monkeypatch.setenv("VQEDU_DATA", str(tmp_path / "not" / "yet"))
    assert doctor.check_cache() == Check("cache folder", "ok", "~/not/yet")
    assert list(tmp_path.iterdir()) == []

    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = doctor.check_cache()
    assert (found.status, "VQEDU_DATA" in found.mend) == ("warn", True)


def test_a_cache_folder_that_is_a_file(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("VQEDU_DATA", str(tmp_path / "file"))
    assert doctor.check_cache().status == "warn"


def test_a_kernel_of_another_python(monkeypatch, tmp_path):
    kernelspec = pytest.importorskip("jupyter_client.kernelspec")

    def spec(python):
        found = types.SimpleNamespace(argv=[python, "-m", "ipykernel_launcher"])
        monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", lambda *_: found)
        return doctor.check_kernel()

    assert spec("python").status == spec(sys.executable).status == "ok"
    found = spec(str(tmp_path / "bin" / "python"))
    assert (found.status, "ipykernel install" in found.mend) == ("warn", True)


def test_no_kernel(monkeypatch):
    kernelspec = pytest.importorskip("jupyter_client.kernelspec")

    def missing(self, name):
        raise kernelspec.NoSuchKernel(name)

    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", missing)
    assert doctor.check_kernel().status == "warn"
