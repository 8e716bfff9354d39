"""The form that every chapter keeps, and that its stored outputs belong to its code."""

import copy
import importlib.util
import re
import statistics
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = ("After this chapter you can", "You need", "Time", "Hardware")
FOOT = ("## Take-away", "## Common pitfalls", "## Exercises", "## References", "**Next:**")

spec = importlib.util.spec_from_file_location("execute", ROOT / "tools" / "execute_chapters.py")
execute = importlib.util.module_from_spec(spec)
spec.loader.exec_module(execute)
BOOK = execute.book.load()
CHAPTERS = [ROOT / "chapters" / f"{name}.ipynb" for name in BOOK.chapters]


def problems(notebook) -> list[str]:
    """Everything about a chapter that is not as it should be, one line each."""
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    code = [c for c in notebook.cells if c.cell_type == "code"]
    lines = [sum(bool(line.strip()) for line in c.source.splitlines()) for c in code]
    words = len(prose.split())
    asserts = sum(len(re.findall(r"^\s*assert\b|assert_close", c.source, re.M)) for c in code)
    found = []
    if not 1200 <= words <= 4000:
        found.append(f"{words} words of prose; 1,200 to 4,000 are right")
    if statistics.median(lines) > 8:
        found.append(f"the median code cell has {statistics.median(lines)} lines; at most 8")
    if max(lines) > 30:
        found.append(f"the longest code cell has {max(lines)} lines; at most 30")
    if len(code) > 50:
        found.append(f"{len(code)} code cells; at most 50")
    if asserts < 5:
        found.append(f"{asserts} checks; at least 5")
    found += [f"the head lacks {mark!r}" for mark in HEAD if mark not in prose]
    found += [f"the foot lacks {mark!r}" for mark in FOOT if mark not in prose]
    if len(re.findall(r"\} Exercise \d+ ★", prose)) < 3:
        found.append("fewer than 3 exercises with stars")
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found += [f"cell {i}: {problem}" for problem in cell_problems(cell)]
    return found


def cell_problems(cell) -> list[str]:
    found = []
    if cell.execution_count is None:
        found.append("never executed")
    figures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    if figures and len(alt) < 40:
        found.append("a figure without a description (metadata mystnb.image.alt)")
    if len(figures) > 1:
        found.append("two figures share one description; one figure a cell")
    found += [f"ends in {o.ename}" for o in cell.outputs if o.output_type == "error"]
    shown = [str(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in cell.outputs]
    if any(re.search(r"(?<![\w~.])/(home|root|Users|work|tmp)/", text) for text in shown):
        found.append("its output shows a path of the machine that ran it")
    if any(o.output_type == "stream" and o.name == "stderr" for o in cell.outputs):
        found.append("its output holds warnings")
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
class TestChapter:
    def test_keeps_the_form(self, path):
        assert problems(nbformat.read(path, as_version=4)) == []

    def test_outputs_belong_to_the_code(self, path):
        notebook = nbformat.read(path, as_version=4)
        assert not execute.is_stale(notebook), f"{path.name} changed; run: make execute"

    def test_is_light_and_quick(self, path):
        notebook = nbformat.read(path, as_version=4)
        assert path.stat().st_size < 3_000_000
        assert notebook.metadata["vqedu"]["seconds"] <= BOOK.execution.seconds_per_chapter


def test_there_are_chapters():
    assert CHAPTERS


class TestTheChecksThemselves:
    """A check that cannot fail checks nothing: break a good chapter, and see."""

    @pytest.fixture
    def good(self):
        notebook = nbformat.read(CHAPTERS[0], as_version=4)
        assert problems(notebook) == []
        return copy.deepcopy(notebook)

    def code(self, notebook):
        return [c for c in notebook.cells if c.cell_type == "code"]

    def test_a_changed_line_is_stale_and_changed_prose_is_not(self, good):
        next(c for c in good.cells if c.cell_type == "markdown").source += " More."
        assert not execute.is_stale(good)
        self.code(good)[0].source += "\nx = 1"
        assert execute.is_stale(good)

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            (lambda c: c.update(execution_count=None), "never executed"),
            (lambda c: c.update(source="x = 1\n" * 31), "longest"),
            (lambda c: c.outputs.append(stream("/home/me/x", "stdout")), "path of the machine"),
            (lambda c: c.outputs.append(stream("careful", "stderr")), "warnings"),
            (lambda c: c.outputs.append(figure()), "without a description"),
            (lambda c: c.outputs.append(error()), "ends in ValueError"),
        ],
    )
    def test_a_spoilt_cell(self, good, change, complaint):
        change(self.code(good)[0])
        assert any(complaint in problem for problem in problems(good))

    @pytest.mark.parametrize("mark", [*HEAD, *FOOT])
    def test_a_missing_head_or_foot(self, good, mark):
        for cell in good.cells:
            cell.source = cell.source.replace(mark, "")
        assert any(repr(mark) in problem for problem in problems(good))

    def test_missing_prose_and_checks(self, good):
        good.cells = self.code(good)
        for cell in good.cells:
            cell.source = "x = 1"
        complaints = " ".join(problems(good))
        assert "words of prose" in complaints
        assert "0 checks" in complaints
        assert "exercises" in complaints


def stream(text, name):
    return nbformat.v4.new_output("stream", text=text, name=name)


def figure():
    return nbformat.v4.new_output("display_data", data={"image/png": "AAAA"})


def error():
    return nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
