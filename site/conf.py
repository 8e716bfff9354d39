"""Sphinx's configuration. What can differ between books is read from book.toml, and only there.

sphinx-build -W --keep-going -b html -c site chapters _build/html
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from book import ROOT, load
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.errors import ConfigError

BOOK = load()

project = BOOK.title
author = ", ".join(BOOK.authors)
copyright = author
language = BOOK.language

extensions = ["myst_nb", "sphinxcontrib.bibtex", "sphinx_design", "sphinx_copybutton", "glossary"]
include_patterns = ["index.md", "models.md", "claims.md", "glossary.md", "teaching.md"]
include_patterns += [f"{name}.ipynb" for name in BOOK.chapters]

# Chapters are committed with their outputs: a build runs nothing.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {"widget-maths.js": {}, "vendor/widgets/embed.js": {}}
myst_enable_extensions = [
    "amsmath",
    "attrs_block",
    "attrs_inline",
    "colon_fence",
    "deflist",
    "dollarmath",
    "html_image",
]
myst_heading_anchors = 3
myst_html_meta = {"description": BOOK.question}

# MathJax in one local file. Its menu would fetch further files, so it stays closed.
mathjax_path = "vendor/mathjax/tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}
numfig = True
math_numfig = True
math_eqref_format = "({number})"

# Every chapter ends with the works that it cites, so the same work may stand in several lists;
# a citation leads to the list of its own page.
bibtex_bibfiles = ["../chapters/references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "alpha"
suppress_warnings = ["bibtex.duplicate_citation"]

html_theme = "sphinx_book_theme"
html_title = BOOK.title
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_use_index = False
html_css_files = ["custom.css"]
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system says
html_theme_options = {
    "logo": {"text": BOOK.title},
    "repository_url": BOOK.repository.url,
    "repository_branch": BOOK.repository.branch,
    "path_to_docs": "chapters",
    "use_repository_button": True,
    "use_source_button": True,
    "use_issues_button": True,
    "launch_buttons": {
        "binderhub_url": BOOK.launch.binder,
        "colab_url": BOOK.launch.colab,
        "notebook_interface": "jupyterlab",
    },
    "navbar_persistent": [],  # the search field is in the sidebar
    "footer_content_items": ["copyright.html", "extra-footer.html"],
    "extra_footer": (
        '<p>Text and code under the <a href="'
        f'{BOOK.repository.url}/blob/{BOOK.repository.branch}/LICENSE">MIT licence</a>.</p>'
    ),
    "pygments_light_style": "github-light",
    "pygments_dark_style": "github-dark",
}

CHAPTERS_MARK = "<!-- chapters -->"


def list_chapters(app, docname, source):
    """Put the table of contents of book.toml where the home page has its mark."""
    if docname != "index":
        return
    if CHAPTERS_MARK not in source[0]:
        raise ConfigError(f"chapters/index.md: the line {CHAPTERS_MARK} is missing")
    app.env.note_dependency(str(ROOT / "book.toml"))
    trees = []
    for part in BOOK.parts:
        names = "\n".join(part.chapters)
        trees.append(f"```{{toctree}}\n:caption: {part.title}\n:maxdepth: 1\n\n{names}\n```")
    source[0] = source[0].replace(CHAPTERS_MARK, "\n\n".join(trees))


def number_equations(app, env):
    """Number equations and figures by chapter: the third equation of 05_vqvae is (5.3).

    Sphinx counts chapters from 1 in the order of the list, and numbers the headings too. Here
    the number in the file's name leads, and the headings stay as their authors wrote them.
    """
    shown = env.toc_secnumbers
    env.toc_secnumbers = {name: {"": (int(name[:2]),)} for name in BOOK.chapters}
    changed = TocTreeCollector().assign_figure_numbers(env)
    env.toc_secnumbers = shown
    return changed


def setup(app):
    app.connect("source-read", list_chapters)
    app.connect("env-get-updated", number_equations, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
