"""tools/execute_chapters.py: runs, stamps, and leaves a chapter that fails as it was."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "execute_chapters.py"


def write(path, source):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(notebook, path)
    return path


def run(path):
    return subprocess.run([sys.executable, TOOL, path], capture_output=True, text=True, cwd=ROOT)


def test_outputs_and_stamp(tmp_path):
    path = write(tmp_path / "01_small.ipynb", "print(6 * 7)")
    done = run(path)
    assert done.returncode == 0, done.stderr
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].outputs[0].text == "42\n"
    stamp = notebook.metadata["vqedu"]
    assert set(stamp) == {"code_hash", "versions", "device", "seconds"}
    assert stamp["versions"]["torch"]


def test_a_figure_is_saved_where_its_cell_says(tmp_path):
    path = write(tmp_path / "01_figure.ipynb", "import matplotlib.pyplot as p\np.plot([1, 2]);")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata["vqedu"] = {"save": "drawn.png"}
    nbformat.write(notebook, path)
    assert run(path).returncode == 0
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")


def test_a_failing_chapter_is_left_as_it_was(tmp_path):
    path = write(tmp_path / "01_broken.ipynb", "assert 1 == 2, 'the check failed'")
    before = path.read_bytes()
    done = run(path)
    assert done.returncode == 1
    assert "the check failed" in done.stderr
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("source", ["assert 1 == 2", "x = undefined_name"])
def test_nbval_catches_a_failing_cell(tmp_path, source):
    path = write(tmp_path / "01_broken.ipynb", source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax"]
    command += ["--nbval-current-env", "--rootdir", str(tmp_path), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
