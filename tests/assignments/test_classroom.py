"""The teacher's tool: whatever is handed in is graded, rightly and once, and stops no run."""

import copy
import csv
import json
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from . import grading

GOOD = "def square(x):\n    return x**2"
SUBMISSIONS = {  # what a student wrote, and the points it should get, of 3
    "right": (GOOD, 3),
    "untouched": (None, 0),
    "half": ("def square(x):\n    return x * abs(x)", 1),
    "loop": ("def square(x):\n    while True:\n        pass", 0),
    "syntax": ("def square(x:\n    return x**2", 0),
    "loud": ("print('x' * 10_000_000)\n" + GOOD, 3),
    "exit": ("import os\nos._exit(3)", 0),
    "greedy": ("hoard = [bytearray(10**9) for _ in range(40)]\n" + GOOD, 0),
    "reader": (
        "from glob import glob\nprint('FOUND', *glob('*'))\nfor folder in COURSES:\n"
        "    print('FOUND', *glob(folder + '/**', recursive=True)[1:])\n" + GOOD,
        3,
    ),
    "cheat": ("class Yes:\n    __eq__ = lambda *a: True\ncheck = None\ndef square(x):\n"
              "    return Yes()", 1),
    "online": (
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 3)\n"
        "except OSError as error:\n    print('OFFLINE', error)\n" + GOOD,
        3,
    ),
}  # fmt: skip


def cell(source, name, **role):
    role = {"grade": False, "locked": False, "solution": False, "task": False} | role
    return new_code_cell(
        source, metadata={"nbgrader": {"grade_id": name, "schema_version": 3, **role}}
    )


@pytest.fixture(scope="module")
def course(classroom, tmp_path_factory):
    """A course of one small assignment, and its submissions."""
    course = tmp_path_factory.mktemp("course")
    config = (grading.SOURCE.parent / "nbgrader_config.py").read_text("utf-8")
    (course / "nbgrader_config.py").write_text(config, "utf-8")
    answer = "def square(x):\n    ### BEGIN SOLUTION\n    return x**2\n    ### END SOLUTION"
    tests = ["assert square(3) == 9", "assert type(square(-2)) is int and square(-2) == 4"]
    tests = [
        f"assert square(1) == 1\n### BEGIN HIDDEN TESTS\n{t}\n### END HIDDEN TESTS" for t in tests
    ]
    notebook = new_notebook(cells=[cell(answer, "square", solution=True)])
    for i, test in enumerate(tests, 1):
        notebook.cells.append(cell(test, f"test_{i}", grade=True, locked=True, points=i))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    file = course / "source" / "0_square" / "0_square.ipynb"
    file.parent.mkdir(parents=True)
    nbformat.write(notebook, file)
    released = classroom.release(course, "0_square") / file.name
    blank = nbformat.read(released, as_version=4)
    assert "x**2" not in released.read_text("utf-8")

    def hand_in(student, notebook):
        place = course / "submitted" / student / "0_square"
        place.mkdir(parents=True)
        nbformat.write(notebook, place / file.name)

    for student, (source, _) in SUBMISSIONS.items():
        mine = copy.deepcopy(blank)
        if source:
            mine.cells[0].source = source.replace(
                "COURSES", repr([str(course), str(grading.ROOT / "assignments")])
            )
        hand_in(student, mine)
    solved = copy.deepcopy(blank)
    solved.cells[0].source = GOOD
    hand_in("deleted", new_notebook(cells=solved.cells[:2], metadata=solved.metadata))
    twice = solved.cells[:2] + [copy.deepcopy(solved.cells[1])] + solved.cells[2:]
    hand_in("doubled", new_notebook(cells=twice, metadata=solved.metadata))
    (course / "submitted" / "torn" / "0_square").mkdir(parents=True)
    (course / "submitted" / "torn" / "0_square" / file.name).write_text('{"cells": [', "utf-8")
    (course / "submitted" / "empty" / "0_square").mkdir(parents=True)
    return course


EXPECTED = {name: points for name, (_, points) in SUBMISSIONS.items()}
EXPECTED |= {"deleted": 3, "doubled": 3, "torn": 0, "empty": 0}


@pytest.fixture(scope="module")
def first(classroom, course):
    """The marks of a first run, and what it said."""
    said = []
    limits = classroom.Limits(cell=10, notebook=60, gigabytes=2)
    marks = classroom.grade(course, "0_square", limits=limits, say=said.append)
    return {mark.student: mark for mark in marks}, said


def test_all_marks_are_right(first):
    marks, said = first
    assert {name: mark.score for name, mark in marks.items()} == EXPECTED
    assert {mark.most for mark in marks.values()} == {3}
    assert len(said) == 1 + len(EXPECTED)


def test_what_cannot_be_graded_says_why(first):
    marks, _ = first
    assert {name for name, mark in marks.items() if mark.problem} == {"torn", "empty"}
    assert "JSON" in marks["torn"].problem


def test_suspects_are_named(first):
    marks, _ = first
    assert marks["cheat"].look == ("assigns to check",)
    assert marks["right"].look == ()


def outputs(course, student):
    file = course / "autograded" / student / "0_square" / "0_square.ipynb"
    return json.dumps(nbformat.read(file, as_version=4).cells[0].outputs)


def test_a_cell_that_was_cut_short_says_why(first, course):
    assert (
        "took longer than 10 seconds"
        in (course / "autograded/loop/0_square/0_square.ipynb").read_text()
    )
    assert "the kernel died" in (course / "autograded/exit/0_square/0_square.ipynb").read_text()
    assert "MemoryError" in outputs(course, "greedy")


def test_the_sandbox_shows_no_tests_and_no_network(first, course, classroom):
    if not classroom.sandbox():
        pytest.skip("bubblewrap does not work here")
    assert "no network" in first[1][0]
    assert "OFFLINE" in outputs(course, "online")
    shown = outputs(course, "reader")
    assert "0_square" not in shown
    assert str(grading.SOURCE) not in shown


def test_nobody_is_graded_twice(first, course, classroom):
    said, file = [], course / "submitted" / "half" / "0_square" / "0_square.ipynb"
    file.write_text(file.read_text("utf-8").replace("x * abs(x)", "x * x"), "utf-8")
    marks = classroom.grade(course, "0_square", say=said.append)
    new = [mark for mark in marks if not mark.again]
    assert [(mark.student, mark.score) for mark in new] == [("half", 3)]


def test_marks_and_feedback(first, course, classroom):
    rows = classroom.marks(course)
    with (course / "marks.csv").open(encoding="utf-8") as file:
        read = {row["student"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(read) == len(EXPECTED)
    assert (read["right"]["test_1"], read["right"]["test_2"]) == ("1.0", "2.0")
    assert read["cheat"]["remarks"] == "assigns to check"
    pages = classroom.feedback(course, "0_square")
    assert len(pages) == len(EXPECTED) - 2


def test_what_does_not_exist(classroom, course, tmp_path):
    with pytest.raises(classroom.ClassroomError, match="there are: 0_square"):
        classroom.grade(course, "1_square")
    (tmp_path / "source" / "a").mkdir(parents=True)
    (tmp_path / "source" / "a" / "a.ipynb").write_text("{}")
    with pytest.raises(classroom.ClassroomError, match="no course"):
        classroom.release(tmp_path, "a")


def test_the_command_says_what_there_is():
    command = [sys.executable, str(grading.ROOT / "tools" / "classroom.py"), "grade"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "which assignment?" in done.stderr


@pytest.mark.parametrize("name", grading.names())
def test_a_sample_of_each_assignment_through_nbgrader(name, classroom, tmp_path):
    """The same marks as in this process: for the teacher's answers and for a wrong one."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / name).symlink_to(grading.SOURCE / name, target_is_directory=True)
    config = grading.SOURCE.parent / "nbgrader_config.py"
    (tmp_path / config.name).write_text(config.read_text("utf-8"), "utf-8")
    blank = nbformat.read(classroom.release(tmp_path, name) / f"{name}.ipynb", as_version=4)
    teacher = {grading.role(c).get("grade_id"): c.source for c in grading.original(name).cells}
    solution = grading.solutions(name, "wrong")[0]
    for student, answers in {"teacher": {}, "wrong": solution.cells}.items():
        mine = copy.deepcopy(blank)
        for one in mine.cells:
            role = grading.role(one)
            if role.get("solution") and not role.get("grade"):
                one.source = answers.get(role["grade_id"], teacher[role["grade_id"]])
        place = tmp_path / "submitted" / student / name
        place.mkdir(parents=True)
        nbformat.write(mine, place / f"{name}.ipynb")
    marks = {mark.student: mark for mark in classroom.grade(tmp_path, name, say=lambda line: None)}
    points = grading.graded(grading.original(name))
    lost = sum(points[cell] for cell in solution.loses)
    assert marks["teacher"].score == sum(points.values())
    assert marks["wrong"].score == sum(points.values()) - lost
    assert marks["teacher"].look == ()
    assert 100 < marks["teacher"].megabytes < 3000
