"""The assignments themselves: solved, untouched, solved wrongly and solved otherwise."""

import re

import nbformat
import pytest

from . import grading

NAMES = grading.names()
WRONG = [(name, one) for name in NAMES for one in grading.solutions(name, "wrong")]
RIGHT = [(name, one) for name in NAMES for one in grading.solutions(name, "right")]
HEAD = ("What you will be able to do", "Points", "Time", "Allowed", "How to check and hand in")
LEFT_OVER = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS")


def named(pairs):
    return [pytest.param(*pair, id=f"{pair[0]}-{pair[1].name}") for pair in pairs]


@pytest.fixture(scope="module")
def released(classroom, tmp_path_factory):
    """What students get, made as the teacher makes it."""
    course = grading.course(tmp_path_factory.mktemp("course"), *NAMES)
    notebooks = {}
    for name in NAMES:
        file = classroom.release(course, name) / f"{name}.ipynb"
        notebooks[name] = nbformat.read(file, as_version=4)
    return notebooks


@pytest.mark.parametrize("name", NAMES)
class TestAssignment:
    def test_teacher(self, name):
        """The solution gets every point, and each cell runs without an error or a warning."""
        notebook = grading.original(name)
        found, errors = grading.marks(notebook)
        assert errors == {}
        assert found == grading.graded(notebook)

    def test_untouched(self, name, released):
        """The release gets nothing in any graded cell, for a reason that can be read."""
        notebook = released[name]
        found, errors = grading.marks(notebook)
        assert set(found.values()) == {0.0}
        for cell in found:
            assert errors[cell].startswith(("AssertionError: ", "NotImplementedError", "NameError"))

    def test_release(self, name, released):
        """No solution and no hidden test is in it; the cells that are graded are locked."""
        text = nbformat.writes(released[name])
        assert not [mark for mark in LEFT_OVER if mark in text]
        for cell in grading.original(name).cells:
            for start, end in (("SOLUTION", "SOLUTION"), ("HIDDEN TESTS", "HIDDEN TESTS")):
                parts = re.findall(rf"### BEGIN {start}\n(.*?)### END {end}", cell.source, re.S)
                for line in (line.strip() for part in parts for line in part.splitlines()):
                    if len(line) > 25:
                        assert line not in text.replace('\\"', '"').replace("\\\\", "\\"), line
        for cell in released[name].cells:
            if grading.role(cell).get("grade") and not grading.role(cell).get("solution"):
                assert cell.metadata.get("editable") is False

    def test_form(self, name):
        notebook = grading.original(name)
        first = notebook.cells[0].source
        assert re.match(rf"# Assignment {name[0]} · ", first)
        assert [mark for mark in HEAD if f"**{mark}**" not in first] == []
        points = sum(grading.role(c).get("points", 0) for c in notebook.cells)
        assert re.search(rf"\*\*Points\*\* {points:g}\b", first)
        ids = [grading.role(c)["grade_id"] for c in notebook.cells if grading.role(c)]
        assert len(ids) == len(set(ids))
        cells = [c for c in notebook.cells if c.cell_type == "code"]
        assert all(c.outputs == [] and c.execution_count is None for c in cells)
        assert 'warnings.simplefilter("ignore")' in cells[0].source
        tests = [c for c in cells if grading.role(c).get("grade")]
        assert all("BEGIN HIDDEN TESTS" in c.source and "check." in c.source for c in tests)
        last = [c.source.rstrip().splitlines()[-1] for c in tests]
        assert all(
            "END HIDDEN TESTS" in line or line.startswith(("check.", "    ", ")")) for line in last
        )

    def test_enough_mutants(self, name):
        assert len(grading.solutions(name, "wrong")) >= 10
        assert len(grading.solutions(name, "right")) >= 4


@pytest.mark.parametrize(("name", "solution"), named(WRONG))
def test_wrong(name, solution):
    """It loses the points that it should, and no others."""
    notebook = grading.original(name)
    points = grading.graded(notebook)
    assert solution.why
    assert solution.loses
    assert solution.loses <= set(points), "loses what is not graded"
    found, errors = grading.marks(notebook, solution.cells)
    lost = {cell for cell, value in found.items() if value < points[cell]}
    assert lost == solution.loses, errors


@pytest.mark.parametrize(("name", "solution"), named(RIGHT))
def test_right(name, solution):
    """Written otherwise, it gets full marks all the same."""
    notebook = grading.original(name)
    found, errors = grading.marks(notebook, solution.cells)
    assert errors == {}
    assert found == grading.graded(notebook)
