"""Try the classroom out: hand in many submissions of one assignment, grade them, compare the marks.

    python tools/classroom_trial.py                  # 60 submissions of 2_vq_layer, 5 broken
    python tools/classroom_trial.py --assignment 4_codebook --students 20

The students are the mutants in tests/assignments/solutions, whose marks are known, right solutions,
and broken files: a torn notebook, an empty folder, an endless loop, a syntax error, a dead kernel.
Ends with 0 when all marks are right. Nothing is left behind.
"""

import argparse
import itertools
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

ANSWERS = {  # what stands in the first answer's cell, and nothing in the others
    "loop": "while True:\n    pass",
    "syntax": "def answer(:",
    "killed": "import os\nos._exit(1)",
}
BROKEN = ("torn", "empty", *ANSWERS)


def hand_in(course: Path, assignment: str, students: int) -> dict[str, set[str]]:
    """Write the submissions; returns which graded cells each student should lose."""
    blank = nbformat.read(classroom.release(course, assignment) / f"{assignment}.ipynb", 4)
    every = set(grading.graded(grading.original(assignment)))
    answers = grading.answers(grading.original(assignment))
    first, expected = next(iter(answers)), {}
    kinds = [s for kind in ("wrong", "right") for s in grading.solutions(assignment, kind)]
    for n, solution in zip(range(students - len(BROKEN)), itertools.cycle(kinds), strict=False):
        student = f"student{n:03}"
        expected[student] = set(solution.loses)
        mine = grading.answered(blank, answers | solution.cells)
        grading.hand_in(course, student, assignment, mine)
    grading.hand_in(course, "torn", assignment, '{"cells": [')
    (course / "submitted" / "empty" / assignment).mkdir(parents=True)
    for name, source in ANSWERS.items():
        grading.hand_in(course, name, assignment, grading.answered(blank, {first: source}))
    return expected | dict.fromkeys(BROKEN, every)


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
        course = grading.course(Path(folder), options.assignment)
        expected = hand_in(course, options.assignment, options.students)
        start = time.perf_counter()
        marks = classroom.grade(course, options.assignment)
        minutes = (time.perf_counter() - start) / 60
        points = grading.graded(grading.original(options.assignment))
        rows = {row["student"]: row for row in classroom.marks(course)}
    wrong = []
    for student, lost in expected.items():
        found = {cell for cell in points if float(rows[student][cell] or 0) < points[cell]}
        if found != lost:
            wrong.append(f"{student}: lost {sorted(found)}, should lose {sorted(lost)}")
    whole = [mark for mark in marks if mark.student not in BROKEN]
    print(f"{len(marks)} submissions in {minutes:.1f} minutes, {len(wrong)} wrong marks")
    print(f"a whole one: {statistics.median(m.seconds for m in whole):.1f} s (median),", end=" ")
    print(f"{max(m.megabytes for m in whole)} MB at most")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
