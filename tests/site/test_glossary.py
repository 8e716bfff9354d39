"""site/glossary.py: what is marked on a page and what is not, and that the definitions arrive."""

import os
import re
import shutil

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.core import publish_doctree
from sphinx import addnodes

ENTRIES = {
    "codebook": ("term-codebook", "The list of the codes."),
    "codebook loss": ("term-codebook-loss", "It moves the code."),
    "VAE": ("term-VAE", 'A "model" < others.'),
    "variational autoencoder": ("term-VAE", 'A "model" < others.'),
    "patch": ("term-patch", "A piece."),
}


@pytest.fixture
def marked(glossary):
    """Mark a page that is written in reStructuredText; returns what was marked, word and anchor."""

    def marked(source):
        page = publish_doctree(source, settings_overrides={"report_level": 5})
        anchors = glossary.mark(page, ENTRIES, "glossary.html")
        links = [BeautifulSoup(raw.astext(), "html.parser").a for raw in page.findall(nodes.raw)]
        assert {link["href"].partition("#")[2] for link in links if link} == anchors
        return [(link.get_text(), link["href"]) for link in links if link]

    return marked


def test_only_the_first_use(marked):
    text = "Every codebook has codes.\n\nA codebook again, and a patch.\n"
    assert marked(text) == [
        ("codebook", "glossary.html#term-codebook"),
        ("patch", "glossary.html#term-patch"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Codebooks and patches.", ["Codebooks", "patches"]),
        ("The codebook loss of a codebook.", ["codebook loss", "codebook"]),
        ("A VAE, that is, a variational autoencoder.", ["VAE"]),
        ("vae and Vae are no names.", []),
        ("VQ-VAE, codebook-like, uncodebook, codebooking.", []),
        ("The codebook's size.", ["codebook"]),
        ("- in a list: a **patch**", ["patch"]),
        ("VAEs", ["VAEs"]),
    ],
)
def test_whole_words_and_plurals(marked, text, words):
    assert [word for word, _ in marked(text)] == words


@pytest.mark.parametrize(
    "text",
    [
        "A codebook\n==========\n\nText.\n",
        "``codebook``",
        "`codebook <https://example.org>`_",
        ".. note:: a codebook",
        ".. admonition:: codebook\n\n   a codebook",
        ":math:`codebook`",
        "=====  =====\na      codebook\n=====  =====\n",
        ".. figure:: x.png\n   :alt: codebook\n\n   a codebook\n",
        "::\n\n   codebook",
        ".. raw:: html\n\n   <p>codebook</p>\n",
    ],
)
def test_no_prose(marked, text):
    assert marked(text) == []


def test_the_text_stays_and_quotes_are_safe(glossary):
    page = publish_doctree("One VAE and two patches, no more.")
    glossary.mark(page, ENTRIES, "g.html")
    html = "".join(
        node.astext() for node in page.findall(nodes.Text) if node.parent.tagname != "raw"
    )
    assert html == "One  and two , no more."
    (link, _) = [BeautifulSoup(raw.astext(), "html.parser").a for raw in page.findall(nodes.raw)]
    assert link["data-definition"] == 'A "model" < others.'
    assert link["aria-describedby"] == "about-term-VAE"


def test_entries(glossary):
    item = nodes.definition_list_item()
    for name, anchor in (
        ("codebook", "term-codebook"),
        ("codes", "term-codes"),
        ("码本", "term-0"),
    ):
        item += nodes.term("", name, ids=[anchor])
    item += nodes.definition("", nodes.paragraph("", "A list\nof codes."))
    page = nodes.document(None, None)
    page += addnodes.glossary("", nodes.definition_list("", item))
    expected = ("term-codebook", "A list of codes.")
    assert glossary.entries_of(page) == {"codebook": expected, "codes": expected}


# --- The built pages ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(root):
    site = root / "_build" / "html"
    if not (site / "glossary.html").exists():
        pytest.fail("the site is not built: run `make site`")
    return {
        path.stem: BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for path in sorted(site.glob("*.html"))
    }


@pytest.mark.site
def test_every_chapter_explains_its_words(pages):
    anchors = {tag["id"] for tag in pages["glossary"].find_all("dt", id=True)}
    for name, page in pages.items():
        links = page.select("a.glossary-term")
        if not re.match(r"\d\d_", name):
            assert links == [], name
            continue
        assert len(links) >= 10, name
        found = [link["href"] for link in links]
        assert len(set(found)) == len(found), name
        for link in links:
            assert link["href"].partition("#")[2] in anchors
            told = page.find(id=link["aria-describedby"])
            assert told.get_text() == link["data-definition"]
            assert told.find_parent(hidden=True)
            assert not link.find_parent(["h1", "h2", "h3", "code", "pre", "table"]), name
            assert not link.find_parent(class_="admonition"), name


@pytest.mark.site
def test_the_glossary_has_both_languages(pages):
    names = [term.find(string=True) for term in pages["glossary"].select("dl.glossary dt")]
    assert {"codebook", "码本", "straight-through estimator", "直通估计器"} <= set(names)


AFTER = """link => {
    const style = getComputedStyle(link, "::after"), paragraph = link.closest("p");
    const left = paragraph.getBoundingClientRect().left + parseFloat(style.left);
    return [style.content, left, left + parseFloat(style.width), innerWidth];
}"""


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_a_definition_appears_and_fits_the_screen(pages, root, width):
    """When a word is focused with the keyboard, and when it is pointed at."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.goto((root / "_build" / "html" / "05_vqvae.html").as_uri())
        links = tab.locator("a.glossary-term:visible")
        assert links.count() >= 10
        assert links.nth(0).evaluate(AFTER)[0] == "none"
        for i in range(10):
            for act in (links.nth(i).focus, links.nth(i).hover):
                tab.keyboard.press("Shift")  # what follows counts as the keyboard's
                act()
                content, left, right, screen = links.nth(i).evaluate(AFTER)
                assert content.strip('"') == links.nth(i).get_attribute("data-definition")
                assert 0 <= left < right <= screen
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
