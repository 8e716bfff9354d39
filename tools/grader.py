"""nbgrader's interface, changed where classroom.py needs it to be.

Student code runs in a process apart, and a submission is made whole again before it is graded.
"""

import logging
import os
import re
import sys
import warnings
from pathlib import Path

import nbformat
from sandbox import Limits, execute

ROOT = Path(__file__).resolve().parent.parent
HIDDEN = ("assignments", "tests", ".git")  # what bubblewrap hides from student code
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # alembic


class ClassroomError(Exception):
    """What was asked for cannot be done; the message says what to do."""


def hidden(course: Path) -> list[Path]:
    """The folders that student code has no business in."""
    return sorted({course, *(ROOT / name for name in HIDDEN)})


def nbgrader_for(course: Path, limits: Limits | None = None, closed: list[str] | None = None):
    """nbgrader's interface for a course; with limits, it runs student code by :func:`execute`."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.converters import Autograde
    from nbgrader.preprocessors import DeduplicateIds, Execute, NbGraderPreprocessor
    from sqlalchemy.exc import SAWarning
    from traitlets.config import PyFileConfigLoader

    warnings.filterwarnings("ignore", category=SAWarning)  # of nbgrader's own making
    warnings.filterwarnings("ignore", module="nbformat")  # it mends what it warns of

    class Apart(Execute):
        """nbgrader's step that executes a notebook, in a process apart."""

        def preprocess(self, nb, resources, km=None):
            files = course / "source" / resources["nbgrader"]["assignment"]
            nbgrader.megabytes = execute(nb, files, limits, closed, hidden(course))
            return nb, resources

    class Whole(NbGraderPreprocessor):
        """Each cell of the release once, in its place; others are the student's own. nbgrader's
        steps fail on cells that were copied from elsewhere, or deleted with those before them."""

        def preprocess(self, nb, resources):
            name = resources["nbgrader"]["assignment"]
            given = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
            left = {role(cell): cell for cell in given.cells if role(cell)}
            for cell in reversed(nb.cells):
                if not left.pop(role(cell), None):
                    cell.metadata.pop("nbgrader", None)
            place = 0
            for one in filter(None, map(role, given.cells)):
                if one in left:
                    nb.cells.insert(place, left[one])
                else:
                    place = [role(cell) for cell in nb.cells].index(one)
                place += 1
            return nb, resources

    if not (course / "nbgrader_config.py").is_file():
        raise ClassroomError(f"{course} is no course: it has no nbgrader_config.py")
    settings = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    settings.CourseDirectory.root = str(course)
    steps = Autograde.sanitize_preprocessors.default_args[0]
    settings.Autograde.sanitize_preprocessors = [
        Whole if step is DeduplicateIds else step for step in steps
    ]
    if limits:
        steps = Autograde.autograde_preprocessors.default_args[0]
        settings.Autograde.autograde_preprocessors = [
            Apart if step is Execute else step for step in steps
        ]
    nbgrader = NbGraderAPI(config=settings)
    nbgrader.log.setLevel(logging.ERROR)  # kept in what its calls return
    nbgrader.megabytes = 0  # of the last notebook
    return nbgrader


def role(cell) -> str | None:
    """The name under which nbgrader knows a cell."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def said(result: dict) -> str:
    """The error that a call of nbgrader ended with, in one line; empty if it went well."""
    if result["success"]:
        return ""
    if result["error"].rstrip().endswith("KeyboardInterrupt"):  # nbgrader keeps it to itself
        raise KeyboardInterrupt
    lines = (result.get("log") or "").splitlines() + (result.get("error") or "").splitlines()
    errors = [line.strip() for line in lines if re.match(r"\s*([a-z_]\w*\.)*[A-Z]\w*: ", line)]
    own = [line for line in errors if "see the the above" not in line]
    last = (own or errors or ["nbgrader does not say why"])[-1]
    if "No notebooks " in last:  # found, or matched
        return "its folder has no notebook with the assignment's name"
    return last[:200]
