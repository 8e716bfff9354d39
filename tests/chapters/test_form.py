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
FOOT = (
    "## Take-away",
    "## Common pitfalls",
    "## Quiz",
    "## Exercises",
    "## References",
    "**Next:**",
)

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
    words = len(
        re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "x", prose, flags=re.S).split()
    )  # a formula is one
    asserts = sum(len(re.findall(r"^\s*assert\b|assert_close", c.source, re.M)) for c in code)
    found = []
    if not 1200 <= words <= 4300:
        found.append(f"{words} words of prose; 1,200 to 4,300 are right")
    if statistics.median(lines) > 8:
        found.append(f"the median code cell has {statistics.median(lines)} lines; at most 8")
    if max(lines) > 30:
        found.append(f"the longest code cell has {max(lines)} lines; at most 30")
    if len(code) > 60:
        found.append(f"{len(code)} code cells; at most 60")
    if asserts < 5:
        found.append(f"{asserts} checks; at least 5")
    found += [f"the head lacks {mark!r}" for mark in HEAD if mark not in prose]
    found += [f"the foot lacks {mark!r}" for mark in FOOT if mark not in prose]
    exercises = re.findall(r"\} Exercise (\d+) ★", prose)
    if exercises != [str(n) for n in range(1, len(exercises) + 1)] or len(exercises) < 4:
        found.append(f"exercises {exercises}; at least 4 with stars, numbered from 1")
    if solutions(notebook) < len(exercises):
        found.append("fewer folded solutions than exercises")
    if not any(re.search(r"^widgets\.quiz\(", c.source, re.M) for c in code):
        found.append("no quiz: widgets.quiz(...)")
    found += [
        f"a widget without a figure in {name!r}" for name in sections_without_figure(notebook)
    ]
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found += [f"cell {i}: {problem}" for problem in cell_problems(cell)]
    return found


def solutions(notebook) -> int:
    """How many are folded away from the heading of the exercises on."""
    sources = [c.source for c in notebook.cells]
    start = next((i for i, s in enumerate(sources) if "## Exercises" in s), len(sources))
    cells = notebook.cells[start:]
    folded = sum("hide-cell" in c.metadata.get("tags", []) for c in cells)
    return folded + sum(c.source.count("<details>") for c in cells if c.cell_type == "markdown")


def sections_without_figure(notebook) -> list[str]:
    """Sections with a thing to touch and no picture for those who read where nothing moves."""
    section, touch, pictures = "", set(), set()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^## .*", cell.source, re.M)
            section = headings[-1] if headings else section
            continue
        data = [o.get("data", {}) for o in cell.outputs]
        scripts = any("<script" in str(d.get("text/html", "")) for d in data)
        if scripts or any("application/vnd.jupyter.widget-view+json" in d for d in data):
            touch.add(section)
        if any("image/png" in d for d in data):
            pictures.add(section)
    return sorted(touch - pictures)


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

    def test_shows_its_own_quiz(self, path):
        source = path.read_text("utf-8")
        assert re.findall(r"widgets\.quiz\(\\\"(\w+)\\\"\)", source) == [path.stem]

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
        assert "no quiz" in complaints

    def test_a_widget_without_a_figure(self, good):
        view = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "VBox"}
        touch = nbformat.v4.new_code_cell("touch()", execution_count=1)
        touch.outputs = [nbformat.v4.new_output("display_data", data=view)]
        good.cells += [nbformat.v4.new_markdown_cell("## 9.9 Touch"), touch]
        assert "a widget without a figure in '## 9.9 Touch'" in problems(good)
        touch.outputs[0].data = {"text/html": "<svg></svg><script>1</script>"}
        assert "a widget without a figure in '## 9.9 Touch'" in problems(good)
        touch.outputs.append(figure())
        assert not any("a widget" in problem for problem in problems(good))

    def test_a_fold_elsewhere_is_no_solution(self, good):
        last = [c for c in good.cells if "hide-cell" in c.metadata.get("tags", [])][-1]
        good.cells.remove(last)
        good.cells[0].source += "\n<details><summary>Answer</summary></details>"
        assert "fewer folded solutions than exercises" in problems(good)

    def test_exercises_without_solutions(self, good):
        good.cells = [c for c in good.cells if "hide-cell" not in c.metadata.get("tags", [])]
        for cell in good.cells:
            cell.source = cell.source.replace("<details>", "<div>")
        assert "fewer folded solutions than exercises" in problems(good)


def stream(text, name):
    return nbformat.v4.new_output("stream", text=text, name=name)


def figure():
    return nbformat.v4.new_output("display_data", data={"image/png": "AAAA"})


def error():
    return nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
