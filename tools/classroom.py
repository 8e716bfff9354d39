"""Hand out, grade and give back the assignments: nbgrader, made safe to repeat.

    python tools/classroom.py release 2_vq_layer     # what students get: assignments/release
    python tools/classroom.py grade 2_vq_layer       # all that lies in assignments/submitted
    python tools/classroom.py feedback 2_vq_layer    # pages for each student: assignments/feedback
    python tools/classroom.py marks                  # assignments/marks.csv

A submission is assignments/submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb. One that was graded
already is not graded again unless it, the original or a limit changed, so that `grade` can be
stopped at any time.

Student code runs in a process of its own, with a limit on time and memory. Where bubblewrap
(`bwrap`) works it has no network, can write nothing that stays, and sees neither the teacher's
notebooks nor other submissions; elsewhere the first line of the output says so.
"""

import argparse
import csv
import hashlib
import os
import shutil
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nbformat

from vqedu.files import read_json, whole, write_json

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from grader import ClassroomError, nbgrader_for, said  # noqa: E402
from sandbox import Limits, sandbox, suspects  # noqa: E402

COURSE = ROOT / "assignments"
CLOSED = "student code: no network, nothing it writes stays, originals are hidden"
OPEN = "bubblewrap does not work here: student code can use the network and read files"
LIMITS = Limits()


def assignments(course: Path) -> list[str]:
    return sorted(
        path.name
        for path in (course / "source").glob("*/")
        if (path / f"{path.name}.ipynb").is_file()
    )


def checked(course: Path, assignment: str) -> None:
    if assignment not in assignments(course):
        known = ", ".join(assignments(course)) or "none"
        raise ClassroomError(f"there is no assignment {assignment!r}; there are: {known}")


def release(course: Path, assignment: str) -> Path:
    """Write what students get: without solutions, without hidden tests."""
    checked(course, assignment)
    if error := said(nbgrader_for(course).generate_assignment(assignment)):
        raise ClassroomError(f"the release of {assignment} failed: {error}")
    return course / "release" / assignment


def fingerprint(folder: Path, source: Path, limits: Limits) -> str:
    """Of what decides a mark: notebook, original and what lies beside it, checks, limits."""
    digest = hashlib.sha256(repr(limits).encode())
    files = folder / f"{source.name}.ipynb", *sorted(source.rglob("*")), ROOT / "vqedu" / "check.py"
    for file in files:
        if file.is_file():
            digest.update(os.fsencode(file.name) + b"\n" + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Mark:
    """What became of one submission."""

    student: str
    score: float
    most: float
    seconds: float
    megabytes: int
    problem: str = ""  # why there is no score but 0
    look: tuple[str, ...] = ()  # what a teacher should look at
    again: bool = False  # graded before, and not now

    @property
    def remarks(self) -> str:
        return "; ".join(filter(None, [self.problem, *self.look]))


def grade(course: Path, assignment: str, *, limits: Limits = LIMITS, say=print) -> list[Mark]:
    """Grade every submission that is new or has changed; one line of progress each.

    Raises:
        ClassroomError: no such assignment, or no submissions.
    """
    checked(course, assignment)
    source, prints = course / "source" / assignment, {}
    for folder in sorted((course / "submitted").glob(f"*/{assignment}")):
        student = folder.parent.name
        if student != student.strip() or not student.isprintable() or set(student) & set("[]*?"):
            say(f"not graded: {student!r}; rename the folder, without []*? and blanks at its ends")
        else:
            prints[student] = fingerprint(folder, source, limits)
    for file in strays(course, assignment):
        say(f"not graded: {file}; it should be STUDENT/{assignment}/{assignment}.ipynb")
    if not prints:
        raise ClassroomError(f"nothing to grade: no folder {course}/submitted/STUDENT/{assignment}")
    closed = sandbox()
    say(CLOSED if closed else OPEN)
    nbgrader, marks = nbgrader_for(course, limits, closed), []
    nbgrader.coursedir.ignore = ["*"]  # but for its notebook, nothing of a submission is used
    done = scores(nbgrader, assignment)
    before = {
        student: kept(course, assignment, student) if student in done else (None, "")
        for student in prints
    }
    if any(before[student][1] != print_ for student, print_ in prints.items()):
        release(course, assignment)  # nbgrader tests with what was released last
    for i, (student, print_) in enumerate(prints.items(), 1):
        mark, graded = before[student]
        if graded == print_ and not mark.problem:
            score, most = done[student]
            mark, took = replace(mark, score=score, most=most, again=True), "graded before"
        else:
            mark = grade_one(nbgrader, course, assignment, student)
            file = note(course, assignment, student)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_json(file, asdict(mark) | {"print": print_})
            took = f"{mark.seconds:.1f} s"
        marks.append(mark)
        points = f"{mark.score:5g} of {mark.most:g}"
        say(f"{i:3}/{len(prints)}  {student:20} {points}  {took}  {mark.remarks}".rstrip())
    return marks


def strays(course: Path, assignment: str) -> list[Path]:
    """Notebooks that seem to be meant for an assignment, and lie or are named wrongly."""
    found = []
    for student in (course / "submitted").glob("*/"):
        right = student / assignment / f"{assignment}.ipynb"
        for file in student.rglob("*.ipynb"):
            named = file.stem.casefold().startswith(assignment.casefold())
            instead = file.parent == right.parent and not right.is_file()
            if file != right and (named or instead) and ".ipynb_checkpoints" not in file.parts:
                found.append(file)
    return sorted(found)


def note(course: Path, assignment: str, student: str) -> Path:
    """Where it is written down that, and how, a submission was graded."""
    return course / "autograded" / student / assignment / "graded.json"


def kept(course: Path, assignment: str, student: str) -> tuple[Mark | None, str]:
    """The mark of an earlier run, and the fingerprint of what was graded then."""
    found = read_json(note(course, assignment, student))
    if not found:
        return None, ""
    print_ = found.pop("print")
    return Mark(**found | {"look": tuple(found["look"])}), print_


def scores(nbgrader, assignment: str) -> dict[str, tuple[float, float]]:
    """Score and maximum of each student in the gradebook, with points given by hand."""
    with nbgrader.gradebook as book:
        if assignment not in [one.name for one in book.assignments]:
            return {}
        found = book.assignment_submissions(assignment)
        return {one.student_id: (one.score, one.max_score) for one in found}


def grade_one(nbgrader, course: Path, assignment: str, student: str) -> Mark:
    start, nbgrader.megabytes = time.perf_counter(), 0
    problem, look = said(nbgrader.autograde(assignment, student)), []
    if problem:
        shutil.rmtree(note(course, assignment, student).parent, ignore_errors=True)  # no old page
        none(nbgrader, assignment, student)
    else:
        file = course / "autograded" / student / assignment / f"{assignment}.ipynb"
        look = suspects(nbformat.read(file, as_version=4))
    with nbgrader.gradebook as book:
        found = book.find_submission(assignment, student)
        score, most = found.score, found.max_score
    seconds = round(time.perf_counter() - start, 1)
    return Mark(student, score, most, seconds, nbgrader.megabytes, problem, tuple(look))


def none(nbgrader, assignment: str, student: str) -> None:
    """No points, for what could not be graded."""
    with nbgrader.gradebook as book:
        book.update_or_create_student(student)
        submission = book.update_or_create_submission(assignment, student)
        for notebook in submission.notebooks:
            for one in notebook.grades:
                one.auto_score, one.needs_manual_grade = 0, False
        book.db.commit()


def feedback(course: Path, assignment: str, *, say=print) -> list[Path]:
    """A page for each graded submission: assignments/feedback/STUDENT/ASSIGNMENT/*.html."""
    checked(course, assignment)
    nbgrader, pages = nbgrader_for(course), []
    nbgrader.coursedir.ignore = ["*"]  # the page alone: the rest is the teacher's
    for folder in sorted((course / "autograded").glob(f"*/{assignment}")):
        student = folder.parent.name
        if not any(folder.glob("*.ipynb")):
            continue  # could not be graded
        if error := said(nbgrader.generate_feedback(assignment, student)):
            say(f"no page for {student}: {error}")
        pages += (course / "feedback" / student / assignment).glob("*.html")
    if not pages:
        raise ClassroomError(f"no submission of {assignment} has been graded: grade them first")
    return pages


def marks(course: Path) -> list[dict]:
    """One row for each submission: points by cell, total, what is to be read by hand, remarks.
    Written to marks.csv in the course's folder."""
    rows, names = [], []
    with nbgrader_for(course).gradebook as book:
        for assignment in book.assignments:
            for submission in assignment.submissions:
                row = {"student": submission.student_id, "assignment": assignment.name}
                row |= {"score": submission.score, "of": submission.max_score}
                row["to read"] = sum(n.needs_manual_grade for n in submission.notebooks)
                mark, _ = kept(course, assignment.name, row["student"])
                row["remarks"] = mark.remarks if mark else ""
                for notebook in submission.notebooks:
                    row |= {grade.name: grade.score for grade in notebook.grades}
                names += [name for name in row if name not in names]
                rows.append(row)
    if not rows:
        raise ClassroomError("there are no marks: grade an assignment first")
    rows.sort(key=lambda row: (row["assignment"], row["student"]))
    with (
        whole(course / "marks.csv") as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["release", "grade", "feedback", "marks"])
    parser.add_argument("assignment", nargs="?", help="a folder of assignments/source")
    parser.add_argument("--course", type=Path, default=COURSE, help="default: assignments")
    limits = LIMITS
    parser.add_argument("--cell", type=int, default=limits.cell, help="seconds for a cell")
    parser.add_argument("--notebook", type=int, default=limits.notebook, help="for a notebook")
    parser.add_argument("--gigabytes", type=float, default=limits.gigabytes, help="of memory")
    options = parser.parse_args()
    course = options.course.resolve()
    if options.what != "marks" and not options.assignment:
        parser.error(f"which assignment? There are: {', '.join(assignments(course))}")
    try:
        if options.what == "release":
            print(f"wrote {release(course, options.assignment)}")
        elif options.what == "grade":
            limits = Limits(options.cell, options.notebook, options.gigabytes)
            found = grade(course, options.assignment, limits=limits)
            new, broken = [m for m in found if not m.again], [m for m in found if m.problem]
            print(f"{len(new)} graded, {len(found) - len(new)} as before, {len(broken)} broken")
        elif options.what == "feedback":
            print(
                f"wrote {len(feedback(course, options.assignment))} pages below {course}/feedback"
            )
        else:
            print(f"wrote {len(marks(course))} rows to {course}/marks.csv")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from here")
    except ClassroomError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
