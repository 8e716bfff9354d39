"""What a notebook costs: a tiny one is measured, the record is complete, the guide says what is in
it and what is in the assignments."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "chapters" / "teaching.md"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location(
        "notebook_costs", ROOT / "tools" / "notebook_costs.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recorded(tool):
    return json.loads(tool.RESULTS.read_text("utf-8"))


def test_a_tiny_notebook(tool, tmp_path):
    """Two seconds of work, and a process of 600 MB, whatever this one has; the file stays as it
    was."""
    ballast = bytearray(b"x") * 2_500_000_000
    path = tmp_path / "tiny.ipynb"
    child = "x = bytearray(b'x') * 600_000_000; import time; time.sleep(2)"
    cells = [
        new_code_cell("import time\nwhile time.process_time() < 2:\n    pass"),
        new_code_cell(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    before = path.read_bytes()
    found = tool.measure(path, timeout=300)
    assert path.read_bytes() == before
    assert 2 <= found["cpu_seconds"] < 60
    assert 600 < found["megabytes"] < 2000 < len(ballast) / 2**20
    assert found["seconds"] > 2
    assert "cores" in found["device"]
    assert found["code_hash"] == tool.code_hash(nbformat.read(path, as_version=4))


def test_the_record_is_complete(tool, recorded):
    assert list(recorded) == list(tool.notebooks())
    assert set(tool.book.load_or_exit().chapters) < set(recorded)
    for cost in recorded.values():
        assert set(cost) == {"cpu_seconds", "megabytes", "device", "seconds", "code_hash"}
        assert cost["cpu_seconds"] > 1
        assert 100 < cost["megabytes"] < 16_000


def test_the_guides_tables_are_those_of_the_record(tool, recorded):
    between = re.search(r"<!-- costs -->\n(.*?)\n<!-- /costs -->", GUIDE.read_text("utf-8"), re.S)
    assert between[1].strip() == tool.tables(recorded)


def test_the_guides_limits_are_those_of_the_table(tool, recorded):
    each = re.search(r"Each student gets (\d+) GB", tool.tables(recorded))[1]
    guide = GUIDE.read_text("utf-8")
    assert re.findall(r"limits.memory (\d+)G", guide) == [each]
    assert re.findall(r"memory: {.*limit: (\d+)G}", guide) == [each]


def test_the_tables(tool):
    """Users and cores are rounded up, memory goes by the largest kernel, time by the longest."""
    small = {"cpu_seconds": 90.0, "megabytes": 1000, "device": "a"}
    large = {"cpu_seconds": 10.0, "megabytes": 2000, "device": "a"}
    text = tool.tables({"x": small, "y": large})
    assert "| `x` | 90 | 1.0 |\n| `y` | 10 | 2.0 |" in text
    assert "Each student gets 3 GB; 2 GB are enough for all but `y`." in text
    assert "| 30 | 15 (50 %) | 45 GB | 30 GB | 2 |" in text
    assert "| 500 | 100 (20 %) | 300 GB | 200 GB | 10 |" in text


def test_what_is_measured_is_not_measured_again(tool, tmp_path, monkeypatch, capsys):
    path = tmp_path / "one.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), path)
    made = []

    def measure(path):
        made.append(path.stem)
        code = tool.code_hash(nbformat.read(path, as_version=4))
        return {"cpu_seconds": 1.0, "megabytes": 1, "code_hash": code}

    monkeypatch.setattr(tool, "RESULTS", tmp_path / "notebooks.json")
    monkeypatch.setattr(tool, "notebooks", lambda: {"one": path})
    monkeypatch.setattr(tool, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["notebook_costs.py"])
    tool.main()
    tool.main()
    assert made == ["one"]
    assert "1.0 s of processor time" in capsys.readouterr().out
    nbformat.write(new_notebook(cells=[new_code_cell("2")]), path)
    tool.main()
    monkeypatch.setattr(sys, "argv", ["notebook_costs.py", "--only", "one"])
    tool.main()
    assert made == ["one"] * 3


def test_an_unknown_name():
    command = [sys.executable, str(ROOT / "tools" / "notebook_costs.py"), "--only", "nobody"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such notebook: nobody" in done.stderr


def test_the_guide_knows_the_assignments(tool):
    """Each with the points that tests give, and those that a person gives."""
    rows = re.findall(r"^\| `(\d_\w+)` \|.*\| (\d+) \| (\d+) \|$", GUIDE.read_text("utf-8"), re.M)
    sources = (ROOT / "assignments" / "source").glob("*/*.ipynb")
    found = {}
    for path in sources:
        roles = [c.metadata.get("nbgrader", {}) for c in nbformat.read(path, as_version=4).cells]
        points = {False: 0, True: 0}
        for role in roles:
            points[bool(role.get("solution"))] += role.get("points", 0) if role.get("grade") else 0
        found[path.stem] = (str(points[False]), str(points[True]))
    assert {name: tuple(points) for name, *points in rows} == found
