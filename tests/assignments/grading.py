"""Grades an assignment's notebook in this process: the same cells in the same order as nbgrader."""

import contextlib
import copy
import io
import re
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import nbformat

matplotlib.use("agg")
ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "assignments" / "source"
SOLUTIONS = Path(__file__).parent / "solutions"
PART = re.compile(r"^# --- (\w+)(?: after (teacher|release))? ---$", re.M)
SOLVED = re.compile(r"^ *### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.M | re.S)


@dataclass(frozen=True)
class Solution:
    """Other answers to some cells of an assignment, and what a wrong one should lose."""

    name: str
    why: str
    cells: dict[str, str]
    loses: frozenset[str]


def names() -> list[str]:
    return sorted(path.parent.name for path in SOURCE.glob("*/*.ipynb"))


def original(assignment: str):
    return nbformat.read(SOURCE / assignment / f"{assignment}.ipynb", as_version=4)


def role(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def graded(notebook) -> dict[str, float]:
    """The automatically graded cells and their points."""
    return {
        role(cell)["grade_id"]: role(cell)["points"]
        for cell in notebook.cells
        if cell.cell_type == "code" and role(cell).get("grade")
    }


def course(folder: Path, *assignments: str) -> Path:
    """A course of its own, with some of the assignments."""
    shutil.copy(SOURCE.parent / "nbgrader_config.py", folder)
    for name in assignments:
        shutil.copytree(SOURCE / name, folder / "source" / name)
    return folder


def hand_in(course: Path, student: str, assignment: str, notebook) -> None:
    """Put a notebook, or the text of its file, where the teacher collects them."""
    file = course / "submitted" / student / assignment / f"{assignment}.ipynb"
    file.parent.mkdir(parents=True)
    file.write_text(notebook if isinstance(notebook, str) else nbformat.writes(notebook), "utf-8")


def answered(notebook, answers: dict[str, str]):
    """A copy with these sources in the cells named, as a student hands it in."""
    mine = copy.deepcopy(notebook)
    for cell in mine.cells:
        cell.source = answers.get(role(cell).get("grade_id"), cell.source)
    return mine


def answers(notebook) -> dict[str, str]:
    """What stands in the cells that a student answers and a test grades."""
    roles = [(role(cell), cell.source) for cell in notebook.cells]
    return {r["grade_id"]: text for r, text in roles if r.get("solution") and not r.get("grade")}


def read_solution(file: Path) -> Solution:
    """A file is a docstring, for wrong ones a line ``# loses: test_a, test_b``, and the answers,
    each after a line ``# --- cell ---``. Below ``# --- cell after teacher ---`` stands what comes
    after the teacher's answer, below ``after release`` what comes after the cell as students get
    it."""
    head, *parts = PART.split(file.read_text("utf-8"))
    loses = re.search(r"^# loses: (.+)$", head, re.M)
    why = re.search(r'"""(.+?)"""', head, re.S)
    lost = frozenset(loses[1].split(", ")) if loses else frozenset()
    cells = {}
    for name, after, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        cells[name] = text.strip()
        if after:
            given = answers(original(file.parents[1].name))[name]
            before = SOLVED.sub("", given) if after == "release" else given
            cells[name] = f"{before}\n\n\n{cells[name]}"
    return Solution(file.stem, " ".join(why[1].split()) if why else "", cells, lost)


def solutions(assignment: str, kind: str) -> list[Solution]:
    """``kind`` is "wrong" or "right"."""
    return [read_solution(path) for path in sorted((SOLUTIONS / assignment / kind).glob("*.py"))]


def marks(
    notebook, answers: dict[str, str] | None = None
) -> tuple[dict[str, float], dict[str, str]]:
    """Points of each graded cell, and the errors, when some answers are exchanged."""
    space, found, errors, answers = {"__name__": "__main__"}, {}, {}, dict(answers or {})
    with warnings.catch_warnings():  # of the whole notebook, as in a kernel
        warnings.simplefilter("default")
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            name, source = role(cell).get("grade_id", ""), cell.source
            if name in answers:
                source = answers.pop(name)
            error, loud = run(source, space)
            if role(cell).get("grade"):
                found[name] = 0.0 if error or loud else float(role(cell)["points"])
            if error or loud:
                errors[name] = error or f"wrote to stderr: {loud}"  # nbgrader takes the points then
    assert not answers, f"no cells {list(answers)}"
    return found, errors


def run(source: str, space: dict) -> tuple[str, str]:
    """The error of a cell, and what it wrote to stderr; both empty if all is well."""
    import matplotlib.pyplot as plt

    quiet, loud = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(loud):
            exec(compile(source, "cell", "exec"), space)
    except Exception as error:
        return f"{type(error).__name__}: {error}", ""
    finally:
        plt.close("all")
    return "", loud.getvalue()
