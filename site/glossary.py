"""The glossary on every chapter: the first use of a term in running prose leads to its entry, and
shows the definition when it is pointed at or focused.

A Sphinx extension without JavaScript: here the mark and the text, in custom.css how they look.
The terms are those of the ``{glossary}`` directive in chapters/glossary.md.
"""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

PAGE = "glossary"
CHAPTER = re.compile(r"\d\d_")
# Running prose is what stands in paragraphs, outside of all these.
NO_PROSE = (nodes.Admonition, nodes.table, nodes.raw, nodes.citation, nodes.footnote, nodes.figure)
NO_PROSE += (nodes.reference, nodes.literal, nodes.math, nodes.title_reference)
NO_PROSE += (nodes.citation_reference, nodes.footnote_reference, addnodes.pending_xref)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def is_name(term: str) -> bool:
    """Whether capitals belong to a term: ``VAE`` and ``PixelCNN``, but not ``autoencoder``."""
    return any(letter.isupper() for letter in term[1:])


def entries_of(doctree: nodes.document) -> dict[str, tuple[str, str]]:
    """English term -> (anchor, definition), from the page of the glossary."""
    found = {}
    for item in doctree.findall(nodes.definition_list_item):
        if not isinstance(item.parent.parent, addnodes.glossary):
            continue
        definition = " ".join(item[-1].astext().split())
        names = [term for term in item.findall(nodes.term) if not CHINESE.search(term.astext())]
        for term in names:
            found[term.astext()] = (names[0]["ids"][0], definition)
    return found


def pattern(terms: Iterable[str]) -> re.Pattern:
    """Finds the terms as whole words, longest first, with an s or es of the plural.

    The group "name" holds a term that is spelt with capitals; any other matches in any case.
    """
    longest = sorted(terms, key=len, reverse=True)
    names, words = (
        "|".join(re.escape(term) for term in longest if is_name(term) is wanted) or r"(?!)"
        for wanted in (True, False)
    )
    return re.compile(rf"(?<![\w-])(?:(?P<name>{names})|(?P<word>(?i:{words})))(?:e?s)?(?![\w-])")


def mark(doctree: nodes.document, entries: dict[str, tuple[str, str]], page: str) -> set[str]:
    """Make links of the first uses in a page, in place; returns the anchors of what was found.

    Args:
        doctree: the page, resolved.
        entries: of :func:`entries_of`.
        page: address of the glossary, seen from this page.
    """
    exact = {name if is_name(name) else name.lower(): name for name in entries}
    search, done = pattern(entries), set()
    for text in list(doctree.findall(nodes.Text)):
        if not _is_prose(text):
            continue
        parts, end = [], 0
        for match in search.finditer(text):
            term = exact[match["name"] or match["word"].lower()]
            anchor, definition = entries[term]
            if anchor in done:
                continue
            done.add(anchor)
            link = (
                f'<a class="glossary-term" href="{page}#{anchor}" data-definition="'
                f'{escape(definition)}" aria-describedby="about-{anchor}">{escape(match[0])}</a>'
            )
            parts += [nodes.Text(text[end : match.start()]), nodes.raw("", link, format="html")]
            end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])
    return done


def _is_prose(text: nodes.Text) -> bool:
    above, node = [], text
    while node.parent is not None:
        node = node.parent
        above.append(node)
    in_paragraph = any(isinstance(node, nodes.paragraph) for node in above)
    return in_paragraph and not any(isinstance(node, NO_PROSE) for node in above)


def collect(app, doctree):
    """Keep the entries when the glossary is read, with what is kept of all pages."""
    if app.env.docname == PAGE:
        app.env.course_glossary = entries_of(doctree)


def depend(app, docname, source):
    """A chapter is made anew when the glossary changes."""
    page = Path(app.srcdir, f"{PAGE}.md")
    if CHAPTER.match(docname) and page.exists():
        app.env.note_dependency(str(page))


def merge(app, env, docnames, other):
    if PAGE in docnames:
        env.course_glossary = other.course_glossary


def link(app, doctree, docname):
    entries = getattr(app.env, "course_glossary", None)
    if entries and CHAPTER.match(docname) and app.builder.format == "html":
        page = app.builder.get_relative_uri(docname, PAGE)
        doctree["glossary"] = sorted(mark(doctree, entries, page))


def describe(app, pagename, templatename, context, doctree):
    """Put the definitions at the foot of the page, hidden: what screen readers read out."""
    found = set(doctree.get("glossary", [])) if doctree is not None else set()
    if found:
        texts = dict(app.env.course_glossary.values())
        hidden = "".join(f'<p id="about-{one}">{escape(texts[one])}</p>' for one in sorted(found))
        context["body"] += f"<div hidden>{hidden}</div>"


def setup(app):
    app.connect("source-read", depend)
    app.connect("doctree-read", collect)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", link, priority=900)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
