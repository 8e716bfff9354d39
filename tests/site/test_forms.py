"""Every form that a chapter may use, built by itself: what an author writes must arrive."""

import shutil
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup

BOOK = """
title = "A sample"
question = "Does every form arrive?"
authors = ["Ada"]
language = "en"
repository = {url = "https://github.com/vqedu/vqedu", branch = "trunk"}
parts = [
    {title = "Part one", chapters = ["03_first"]},
    {title = "Part two", chapters = ["07_next"]},
]
launch = {binder = "https://binder.example", colab = ""}
execution = {cell_timeout = 1, seconds_per_chapter = 1}
"""

CLAIMS = """```{toctree}
claims
```
"""


@pytest.fixture(scope="module")
def built(root, sample_chapter, tmp_path_factory):
    """Two sample chapters in a book of their own, built as the course is, warnings as errors."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copytree(root / "site", folder / "site", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "book.toml").write_text(BOOK)
    chapters = folder / "chapters"
    chapters.mkdir()
    shutil.copy(root / "chapters" / "references.bib", chapters)
    (chapters / "index.md").write_text("# Home\n\n<!-- chapters -->\n\n" + CLAIMS)
    (chapters / "claims.md").write_text(
        "# Claims\n\n| C5 | [✗ false](07_next.ipynb#claim-c7) |\n|---|---|\n"
    )
    for name in ("03_first", "07_next"):
        sample_chapter.write(chapters / f"{name}.ipynb")
    options = ["-W", "--keep-going", "-q", "-b", "html", "-c", "site", "chapters", "_build/html"]
    command = [sys.executable, "-m", "sphinx", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def page(built):
    return BeautifulSoup((built / "07_next.html").read_text("utf-8"), "html.parser")


def test_parts_and_chapters_come_from_book_toml(built):
    home = BeautifulSoup((built / "index.html").read_text("utf-8"), "html.parser")
    tree = home.select_one("article .toctree-wrapper").parent
    assert [one.text for one in tree.select(".caption-text")] == ["Part one", "Part two"]
    links = [one["href"] for one in tree.select(".toctree-l1 > a")]
    assert links == ["03_first.html", "07_next.html", "claims.html"]


def test_equations_carry_the_number_of_their_chapter(page):
    numbers = [one.text.rstrip("#") for one in page.select("article .eqno")]
    assert numbers == ["(7.1)", "(7.2)"]
    reference = page.select_one('article a[href="#equation-eq-07-loss"].internal')
    assert reference.text == "(7.1)"


def test_a_citation_leads_to_the_list_of_its_own_page(page):
    citations = page.select("article .bibtex-citation")
    texts = [" ".join(one.text.split()) for one in citations]
    assert texts == ["van den Oord et al. [2017]", "[Bengio et al., 2013]"]
    listed = {one["id"] for one in page.select("article .citation")}
    assert {one.a["href"] for one in citations} == {f"#{name}" for name in listed}
    assert len(listed) == 2, "a work that is not cited stands in the list"


def test_alt_text_of_a_cell_reaches_the_page(page):
    texts = [one["alt"] for one in page.select("article .cell_output img")]
    assert texts == ["The 512 entries of the codebook", "The entries once more"]


def test_solutions_are_folded(page):
    by_hand, by_tag = (
        d for d in page.select("article details") if not d.find_parent(class_="quiz")
    )
    assert by_hand.summary.text == "Solution"
    assert by_hand.select(".math")
    assert "Show solution" in by_tag.summary.text
    assert by_tag.select("pre")
    assert by_tag.select("img")
    assert len(page.select("article .admonition.exercise")) == 2


def test_the_page_of_claims_leads_to_the_box(built, page):
    claims = BeautifulSoup((built / "claims.html").read_text("utf-8"), "html.parser")
    (link,) = (a for a in claims.select("article a") if "false" in a.text)
    assert link["href"] == "07_next.html#claim-c7"
    box = page.select_one("#claim-c7")
    assert "claim" in box["class"]
    assert box.select_one(".admonition-title").text.startswith("C5 · false")


def test_a_quiz_arrives_as_it_is(page):
    assert len(page.select("article .quiz details")) >= 15


def test_widgets_bring_their_state_and_the_local_manager(page):
    assert page.select_one('script[type="application/vnd.jupyter.widget-state+json"]')
    sources = [one.get("src", "") for one in page.select("script")]
    assert any(one.startswith("_static/vendor/widgets/embed.js") for one in sources)
    assert not any("://" in one for one in sources)


def test_launch_buttons(page):
    links = [one["href"] for one in page.select("a[href]")]
    binder = (
        "https://binder.example/v2/gh/vqedu/vqedu/trunk?urlpath=lab/tree/chapters/07_next.ipynb"
    )
    assert binder in links
    assert not any("colab" in one for one in links)
