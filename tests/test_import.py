"""``import vqedu`` and ``vqedu --help`` are quick. Times are the best of several fresh Pythons."""

import subprocess
import sys
import time

import vqedu

LIGHT = ("errors", "doctor", "cli")


def python(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_import_vqedu_adds_under_a_tenth_of_a_second_to_torch():
    code = (
        "import torch, time; start = time.perf_counter(); import vqedu; "
        "print(time.perf_counter() - start)"
    )
    assert min(float(python(code)) for _ in range(3)) < 0.1


def test_help_answers_within_half_a_second():
    def seconds():
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "vqedu", "--help"], check=True, capture_output=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 0.5


def test_light_modules_do_not_import_torch():
    modules = ", ".join(f"vqedu.{name}" for name in LIGHT)
    heavy = "{'torch', 'numpy', 'matplotlib'}"
    assert python(f"import sys, vqedu, {modules}; print({heavy} & set(sys.modules))") == "set()"


def test_every_module_of_the_package_loads_on_use():
    assert python("import vqedu; print(vqedu.data.__name__)") == "vqedu.data"
    for name in vqedu.__all__:
        assert getattr(vqedu, name) is not None


def test_an_unknown_attribute():
    assert not hasattr(vqedu, "nothing")
