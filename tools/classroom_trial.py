"""Try the classroom out: hand in many submissions of one assignment, grade them, compare the marks.

    python tools/classroom_trial.py                  # 60 submissions of 2_vq_layer, 5 broken
    python tools/classroom_trial.py --assignment 4_codebook --students 20

The students are the mutants in tests/assignments/solutions, whose marks are known, right solutions,
and broken files: a torn notebook, an empty folder, an endless loop, a syntax error, a dead kernel.
Ends with 0 when all marks are right. Nothing is left behind.
"""

import argparse
import itertools
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT)]

import classroom  # noqa: E402

from tests.assignments import grading  # noqa: E402

BROKEN = {  # what stands in the first answer's cell; None: no cells at all
    "torn": None,
    "empty": None,
    "loop": "while True:\n    pass",
    "syntax": "def answer(:",
    "killed": "import os\nos._exit(1)",
}


def hand_in(course: Path, assignment: str, students: int) -> dict[str, set[str]]:
    """Write the submissions; returns which graded cells each student should lose."""
    blank = course / "release" / assignment / f"{assignment}.ipynb"
    every = set(grading.graded(grading.original(assignment)))
    answers = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in grading.original(assignment).cells
        if grading.role(cell).get("solution") and not grading.role(cell).get("grade")
    }
    first, expected = next(iter(answers)), {}
    kinds = [s for kind in ("wrong", "right") for s in grading.solutions(assignment, kind)]
    for n, solution in zip(range(students - len(BROKEN)), itertools.cycle(kinds), strict=False):
        student = f"student{n:03}"
        expected[student] = set(solution.loses)
        write(course, assignment, student, blank, answers | solution.cells)
    for name, source in BROKEN.items():
        expected[name] = every
        place = course / "submitted" / name / assignment
        if source is None:
            place.mkdir(parents=True)
            if name == "torn":
                (place / blank.name).write_text('{"cells": [', "utf-8")
        else:
            write(course, assignment, name, blank, {first: source})
    return expected


def write(course: Path, assignment: str, student: str, blank: Path, answers: dict) -> None:
    notebook = nbformat.read(blank, as_version=4)
    for cell in notebook.cells:
        name = grading.role(cell).get("grade_id")
        cell.source = answers.get(name, cell.source)
    place = course / "submitted" / student / assignment
    place.mkdir(parents=True)
    nbformat.write(notebook, place / blank.name)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assignment", default="2_vq_layer", choices=grading.names())
    parser.add_argument("--students", type=int, default=60)
    options = parser.parse_args()
    if options.students <= len(BROKEN):
        parser.error(f"--students must be above {len(BROKEN)}, the number of broken submissions")
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        (course / "source").mkdir()
        source = grading.SOURCE / options.assignment
        shutil.copytree(source, course / "source" / options.assignment)
        shutil.copy(grading.SOURCE.parent / "nbgrader_config.py", course)
        classroom.release(course, options.assignment)
        expected = hand_in(course, options.assignment, options.students)
        start = time.perf_counter()
        marks = classroom.grade(course, options.assignment)
        minutes = (time.perf_counter() - start) / 60
        points = grading.graded(grading.original(options.assignment))
        rows = {row["student"]: row for row in classroom.marks(course)}
    wrong = []
    for student, lost in expected.items():
        found = {cell for cell in points if float(rows[student][cell] or 0) < points[cell]}
        if found != lost and student not in BROKEN:
            wrong.append(f"{student}: lost {sorted(found)}, should lose {sorted(lost)}")
        if student in ("torn", "empty", "killed") and found != lost:
            wrong.append(f"{student}: should get nothing")
    whole = [mark for mark in marks if mark.student not in BROKEN]
    print(f"{len(marks)} submissions in {minutes:.1f} minutes, {len(wrong)} wrong marks")
    print(f"a whole one: {statistics.median(m.seconds for m in whole):.1f} s (median),", end=" ")
    print(f"{max(m.megabytes for m in whole)} MB at most")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
