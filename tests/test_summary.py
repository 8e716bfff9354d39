"""The table of the assignments at the end of a run of the tests."""

from types import SimpleNamespace

from . import conftest


def summary(*tests):
    """What is printed after (outcome, test) pairs."""
    stats, lines = {}, []
    for outcome, test in tests:
        stats.setdefault(outcome, []).append(SimpleNamespace(nodeid=f"tests/{test}"))
    conftest.pytest_terminal_summary(
        SimpleNamespace(stats=stats, section=lines.append, write_line=lines.append)
    )
    return [line.split() for line in lines[1:]]


def test_a_table():
    head, *rows = summary(
        ("passed", "assignments/test_assignments.py::test_wrong[1_kmeans-axis]"),
        ("failed", "assignments/test_assignments.py::test_wrong[1_kmeans-root]"),
        ("passed", "assignments/test_assignments.py::TestAssignment::test_release[2_vq_layer]"),
        ("passed", "assignments/test_assignments.py::TestAssignment::test_form[2_vq_layer]"),
        ("passed", "test_files.py::test_json"),
    )
    assert head == ["teacher", "untouched", "release", "wrong", "right", "nbgrader"]
    assert rows == [["1_kmeans", "1/2"], ["2_vq_layer", "1/1"]]


def test_no_table_without_assignments():
    assert summary(("passed", "test_files.py::test_json")) == []
