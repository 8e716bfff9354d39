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
HALF = "def square(x):\n    return x * abs(x)"
SUBMISSIONS = {  # what a student wrote, and the points it should get, of 3
    "right": (GOOD, 3),
    "untouched": (None, 0),
    "half": (HALF, 1),
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
    "forger": (  # writes results into the files of the process that runs it, and ends that
        "import glob, json, os, signal\nfor file in glob.glob(f'/proc/{os.getppid()}/fd/*'):\n"
        "    try:\n        with open(file, 'a') as f:\n            for i in (0, 1, 2):\n"
        "                print(json.dumps({'cell': i, 'count': 1, 'outputs': []}), file=f)\n"
        "    except OSError:\n        pass\nos.kill(os.getppid(), signal.SIGKILL)",
        0,
    ),
    "hook": ("import sys\ndef square(x):\n    sys.displayhook(3)\n    return 0", 0),
    "quiet": ("get_ipython().showtraceback = lambda *a, **k: None\ndef square(x): return 0", 0),
    "clear": (  # what a test shows is taken away
        "from IPython.display import clear_output\n"
        "get_ipython().events.register('post_run_cell', lambda result: clear_output())\n"
        "def square(x): return 0",
        0,
    ),
    "showy": (
        "import sys\nfrom IPython.display import HTML, display\ndef square(x):\n"
        "    print('so', x, file=sys.stderr)\n    display(HTML('<script>alert(1)</script>'))\n"
        "    return x**2",
        3,
    ),
    "brings": ("%matplotlib inline\nfrom helper import square", 0),
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


def small(classroom, folder):
    """A course of one small assignment, and what its students get."""
    course = grading.course(folder)
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
    assert "x**2" not in released.read_text("utf-8")
    return course, nbformat.read(released, as_version=4)


@pytest.fixture(scope="module")
def course(classroom, tmp_path_factory):
    """The small course and its submissions."""
    course, blank = small(classroom, tmp_path_factory.mktemp("course"))

    def hand_in(student, notebook):
        grading.hand_in(course, student, "0_square", notebook)

    courses = repr(
        [str(course), *(str(grading.ROOT / name) for name in ("assignments", "tests", ".git"))]
    )
    for student, (source, _) in SUBMISSIONS.items():
        answer = {"square": source.replace("COURSES", courses)} if source else {}
        hand_in(student, grading.answered(blank, answer))
    solved = grading.answered(blank, {"square": GOOD})
    hand_in("deleted", new_notebook(cells=solved.cells[:2], metadata=solved.metadata))
    twice = solved.cells[:2] + [copy.deepcopy(solved.cells[1])] + solved.cells[2:]
    hand_in("doubled", new_notebook(cells=twice, metadata=solved.metadata))
    pasted = cell("5", "setup", grade=True, locked=True, points=5)
    hand_in("pasted", new_notebook(cells=[pasted, *solved.cells], metadata=solved.metadata))
    hand_in("lost", new_notebook(cells=solved.cells[2:], metadata=solved.metadata))
    (course / "submitted" / "brings" / "0_square" / "helper.py").write_text(GOOD)
    (course / "submitted" / "brings" / "0_square" / "graded.json").mkdir()
    hand_in("max [2]", solved)
    hand_in("torn", '{"cells": [')
    grading.hand_in(course, "elsewhere", "0_Square", solved)
    copied = course / "submitted" / "copied" / "0_square" / "0_square (1).ipynb"
    copied.parent.mkdir(parents=True)
    copied.write_text(nbformat.writes(solved), "utf-8")
    (course / "submitted" / "empty" / "0_square").mkdir(parents=True)
    return course


LIMITS = {"cell": 10, "notebook": 60, "gigabytes": 2}
EXPECTED = {name: points for name, (_, points) in SUBMISSIONS.items()}
EXPECTED |= {"deleted": 3, "doubled": 3, "pasted": 3, "lost": 0}
EXPECTED |= {"torn": 0, "empty": 0, "copied": 0}


@pytest.fixture(scope="module")
def first(classroom, course):
    """The marks of a first run, and what it said."""
    said = []
    marks = classroom.grade(course, "0_square", limits=classroom.Limits(**LIMITS), say=said.append)
    return {mark.student: mark for mark in marks}, said


def test_all_marks_are_right(first):
    marks, said = first
    assert {name: mark.score for name, mark in marks.items()} == EXPECTED
    assert {mark.most for mark in marks.values()} == {3}
    assert len(said) == 4 + len(EXPECTED)  # what is closed, and three that are not graded


def test_what_cannot_be_graded_says_why(first):
    marks, _ = first
    assert {name for name, mark in marks.items() if mark.problem} == {"torn", "empty", "copied"}
    assert "JSON" in marks["torn"].problem
    assert "no notebook with the assignment's name" in marks["empty"].problem
    assert marks["empty"].problem == marks["copied"].problem


def test_files_in_wrong_places_are_named(first, course):
    _, said = first
    places = [line for line in said if line.startswith("not graded: ")]
    assert len(places) == 3
    assert "'max [2]'; rename the folder" in places[0]
    assert "0_square (1).ipynb; it should be STUDENT/0_square/0_square.ipynb" in places[1]
    assert "elsewhere" in places[2]


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
    assert "no network" in "".join(first[1])
    assert "OFFLINE" in outputs(course, "online")
    shown = outputs(course, "reader")
    assert "FOUND" in shown
    assert "FOUND /" not in shown


def test_nobody_is_graded_twice(first, course, classroom):
    said, file = [], course / "submitted" / "half" / "0_square" / "0_square.ipynb"
    file.write_text(file.read_text("utf-8").replace("x * abs(x)", "x * x"), "utf-8")
    marks = classroom.grade(course, "0_square", limits=classroom.Limits(**LIMITS), say=said.append)
    new = [mark for mark in marks if not mark.again and not mark.problem]
    assert [(mark.student, mark.score) for mark in new] == [("half", 3)]


def test_a_test_that_was_mended_counts_for_all(classroom, tmp_path):
    """Nobody has to release again before those who were graded are graded anew."""
    course, blank = small(classroom, tmp_path)
    file = course / "source" / "0_square" / "0_square.ipynb"
    grading.hand_in(course, "half", "0_square", grading.answered(blank, {"square": HALF}))
    before = classroom.grade(course, "0_square", say=print)
    file.write_text(file.read_text("utf-8").replace("square(-2) == 4", "square(-2)"), "utf-8")
    after = classroom.grade(course, "0_square", say=print)
    again = classroom.grade(course, "0_square", say=print)
    assert [(mark.score, mark.again) for mark in (*before, *after, *again)] == [
        (1, False),
        (3, False),
        (3, True),
    ]


def test_marks_and_feedback(first, course, classroom):
    rows = classroom.marks(course)
    with (course / "marks.csv").open(encoding="utf-8") as file:
        read = {row["student"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(read) == len(EXPECTED)
    assert (read["right"]["test_1"], read["right"]["test_2"]) == ("1.0", "2.0")
    assert read["cheat"]["remarks"] == "assigns to check"
    pages = classroom.feedback(course, "0_square")
    assert len(pages) == len(EXPECTED) - 3
    given = [path for path in (course / "feedback" / "brings").rglob("*") if path.is_file()]
    assert [path.name for path in given] == ["0_square.html"]
    shown = (course / "feedback" / "showy" / "0_square" / "0_square.html").read_text("utf-8")
    assert "alert(1)" in shown
    assert "<script>alert(1)" not in shown


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("F.mse_loss(a, b)", []),
        ("torch.allclose = yes", ["assigns to torch.allclose"]),
        ("%time 1\nsetattr(torch, 'allclose', yes)", ["calls get_ipython", "calls setattr"]),
        ("torch.__dict__['allclose'] = yes", ["uses __dict__"]),
        ("def f(:", []),
    ],
)
def test_suspects(source, found, classroom):
    assert classroom.suspects(new_notebook(cells=[new_code_cell(source)])) == found


def test_ctrl_c_is_no_mark(classroom):
    result = {"success": False, "log": "", "error": "Traceback ...\nKeyboardInterrupt\n"}
    with pytest.raises(KeyboardInterrupt):
        classroom.said(result)


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
    grading.course(tmp_path, name)
    blank = nbformat.read(classroom.release(tmp_path, name) / f"{name}.ipynb", as_version=4)
    teacher = grading.answers(grading.original(name))
    solution = grading.solutions(name, "wrong")[0]
    for student, answers in {"teacher": {}, "wrong": solution.cells}.items():
        mine = grading.answered(blank, teacher | answers)
        grading.hand_in(tmp_path, student, name, mine)
    marks = {mark.student: mark for mark in classroom.grade(tmp_path, name, say=lambda line: None)}
    points = grading.graded(grading.original(name))
    lost = sum(points[cell] for cell in solution.loses)
    assert marks["teacher"].score == sum(points.values())
    assert marks["wrong"].score == sum(points.values()) - lost
    assert marks["teacher"].look == ()
    assert 100 < marks["teacher"].megabytes < 3000
