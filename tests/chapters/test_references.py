"""The bibliography: whole, in order, looked up, and in step with what chapters and code cite."""

import itertools
import re
import tomllib
import unicodedata
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from pybtex.database import BibliographyData, parse_string
from pybtex.exceptions import PybtexError

ROOT = Path(__file__).resolve().parents[2]
BIB = ROOT / "chapters" / "references.bib"
PARTS = tomllib.loads((ROOT / "book.toml").read_text("utf-8"))["parts"]
CHAPTERS = [ROOT / "chapters" / f"{name}.ipynb" for part in PARTS for name in part["chapters"]]

# Where a work of each type came out. Other types have no place in this file.
VENUE = {"inproceedings": "booktitle", "article": "journal", "book": "publisher", "misc": "url"}
HOSTS = {
    "approximateinference.org",
    "arxiv.org",
    "dl.acm.org",
    "github.com",
    "ieeexplore.ieee.org",
    "openreview.net",
    "proceedings.mlr.press",
    "proceedings.neurips.cc",
    "projecteuclid.org",
}
ENTRY = re.compile(r"^@\w+\{([^,\s]+),", re.M)
MARK = re.compile(r"% (Confirmed|Not confirmed against a source): \S.*\S")
CITATION = re.compile(r"\{cite(:\w+)?\}`([^`]*)`")
ARXIV = re.compile(r"https://arxiv\.org/abs/(\d\d)(0[1-9]|1[0-2])\.\d{4,5}")
DOI = re.compile(r"10\.\d{4,9}/\S+")


def ascii_letters(text: str) -> str:
    """``Łańcucki`` -> ``lancucki``, ``van den Oord`` -> ``vandenoord``."""
    text = text.replace("Ł", "L").replace("ł", "l").replace("Ø", "O").replace("ø", "o")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower() if c.isalpha())


def surname(entry) -> str:
    first = entry.persons["author"][0]
    return " ".join(first.prelast_names + first.last_names)


def years(entry) -> set[str]:
    """The year of publication, and the year on arXiv: a work is known by either."""
    found = ARXIV.fullmatch(entry.fields.get("url", ""))
    return {entry.fields["year"]} | ({f"20{found[1]}"} if found else set())


def first_word(title: str) -> str:
    """Of the title: ``Auto-Encoding`` -> ``auto``, ``The k-means++`` -> ``kmeans``."""
    words = re.sub(r"[{}\\]", "", title).split()
    word = next(w for w in words if w.lower() not in {"a", "an", "the", "on"})
    head = word.split("-")[0]
    return ascii_letters(head if len(head) > 1 else word)


def entry_problems(key: str, entry) -> list[str]:
    fields = entry.fields
    if entry.type not in VENUE:
        return [f"{key}: type @{entry.type}; of use here are {', '.join(VENUE)}"]
    lacks = [name for name in ("title", "year", VENUE[entry.type]) if not fields.get(name)]
    lacks += [] if entry.persons.get("author") else ["author"]
    lacks += [] if "url" in fields or "doi" in fields else ["url or doi"]
    if lacks:
        return [f"{key}: lacks {', '.join(lacks)}"]
    if not re.fullmatch(r"(19|20)\d\d", fields["year"]):
        return [f"{key}: {fields['year']!r} is no year"]
    found = []
    allowed = {
        ascii_letters(surname(entry)) + y + first_word(fields["title"]) for y in years(entry)
    }
    if key not in allowed:
        found.append(f"{key}: should be {' or '.join(sorted(allowed))}")
    if "doi" in fields and not DOI.fullmatch(fields["doi"]):
        found.append(f"{key}: {fields['doi']!r} is no DOI")
    if "url" in fields:
        found += [f"{key}: {problem}" for problem in url_problems(fields["url"], fields["year"])]
    return found


def url_problems(url: str, year: str) -> list[str]:
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or address.hostname not in HOSTS:
        return [f"{url} is at none of the hosts of papers that this test knows"]
    if address.hostname == "arxiv.org":
        found = ARXIV.fullmatch(url)
        if not found:
            return [f"{url} is not the form https://arxiv.org/abs/1312.6114"]
        if not 0 <= int(year) - int(f"20{found[1]}") <= 3:
            return [f"{url} is of 20{found[1]}, the work of {year}"]
    return []


def problems(text: str) -> list[str]:
    """Everything about a bibliography that is not as it should be, one line each."""
    try:
        entries = parse_string(text, "bibtex").entries
    except PybtexError as error:
        return [f"does not parse: {error}"]
    keys = ENTRY.findall(text)
    found = []
    if keys != list(entries):
        found.append("an entry does not begin a line, or has a comma in its key")
    found += [f"{b} stands after {a}" for a, b in itertools.pairwise(keys) if b < a]
    lines = text.splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        if (start := ENTRY.match(line)) and not MARK.fullmatch(above):
            found.append(f"{start[1]}: the line above does not say where it was looked up")
    return found + [p for key, entry in entries.items() for p in entry_problems(key, entry)]


def citations(notebook) -> list[tuple[str, str]]:
    """(role, key) of everything that the prose of a chapter cites."""
    prose = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    return [
        (role, key.strip()) for role, keys in CITATION.findall(prose) for key in keys.split(",")
    ]


def citation_problems(notebook, keys) -> list[str]:
    cited = citations(notebook)
    return [f"{key!r} is not in references.bib" for _, key in cited if key not in keys] + [
        f"{{cite{role}}}`{key}`: use cite:p or cite:t"
        for role, key in cited
        if role not in {":p", ":t"}
    ]


def is_named(entry, code: str) -> bool:
    """Whether a docstring or comment names the work, as in ``Source: Mao et al. 2017, Eq. 2``."""
    name = re.escape(surname(entry)).replace(r"\ ", r"\s+")
    return any(
        re.search(rf"\b{name}\b[^.;]{{0,40}}?(et al\.\s+)?\(?{y}\b", code) for y in years(entry)
    )


def unused(bibliography: BibliographyData, cited: set[str], code: str) -> list[str]:
    entries = bibliography.entries.items()
    return [key for key, entry in entries if key not in cited and not is_named(entry, code)]


@pytest.fixture(scope="module")
def bibliography():
    return parse_string(BIB.read_text("utf-8"), "bibtex")


def test_the_bibliography_is_as_it_should_be():
    assert problems(BIB.read_text("utf-8")) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_what_a_chapter_cites_is_there(path, bibliography):
    assert citation_problems(nbformat.read(path, as_version=4), bibliography.entries) == []


def test_nothing_is_there_that_nobody_cites(bibliography):
    cited = {key for p in CHAPTERS for _, key in citations(nbformat.read(p, as_version=4))}
    code = "\n".join(p.read_text("utf-8") for p in sorted((ROOT / "vqedu").rglob("*.py")))
    assert unused(bibliography, cited, code) == []


# The tests below break a good bibliography, and see that it is noticed.

GOOD = """\
% Confirmed: the proceedings.
@inproceedings{lancucki2020robust,
  author = {Łańcucki, Adrian and Chorowski, Jan},
  title = {Robust Training},
  booktitle = {International Joint Conference on Neural Networks},
  year = {2020},
  url = {https://arxiv.org/abs/2005.08520},
}

% Not confirmed against a source: out of reach; from memory.
@article{vandenoord2017neural,
  author = {van den Oord, Aäron},
  title = {The {Neural-Discrete} Representation},
  journal = {A Journal},
  year = {2017},
  doi = {10.1000/182},
}
"""


def test_a_good_bibliography():
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  year = {2020},\n", "  year = {2020,\n", "does not parse"),
        ("lancucki2020robust", "vandenoord2017neural", "does not parse: repeated"),
        ("lancucki2020robust", "zancucki2020robust", "stands after"),
        ("lancucki2020robust", "lancucki2019robust", "should be lancucki2020robust"),
        ("lancucki2020robust", "lancucki2020training", "should be lancucki2020robust"),
        ("2017neural", "2017the", "should be vandenoord2017neural"),
        ("vandenoord2017neural", "oord2017neural", "should be vandenoord2017neural"),
        ("% Confirmed: the proceedings.\n", "", "looked up"),
        ("% Confirmed: the proceedings.\n", "% Confirmed:\n", "looked up"),
        ("proceedings.\n", "proceedings.\n\n", "looked up"),
        ("@article", "\n@article", "looked up"),
        ("@article", "@online", "type @online"),
        ("@article", "@misc", "lacks url"),
        ("  journal = {A Journal},\n", "", "lacks journal"),
        ("  author = {van den Oord, Aäron},\n", "", "lacks author"),
        ("  title = {Robust Training},\n", "", "lacks title"),
        ("  year = {2017},\n", "", "lacks year"),
        ("  doi = {10.1000/182},\n", "", "lacks url or doi"),
        ("year = {2020}", "year = {to appear}", "is no year"),
        ("10.1000/182", "doi.org/10.1000/182", "is no DOI"),
        ("https://arxiv.org/abs/2005.08520", "https://example.org/x.pdf", "none of the hosts"),
        ("https://arxiv.org/abs/2005.08520", "arxiv.org/abs/2005.08520", "none of the hosts"),
        ("abs/2005.08520", "pdf/2005.08520v2", "is not the form"),
        ("abs/2005.08520", "abs/2013.08520", "is not the form"),
        ("abs/2005.08520", "abs/2105.08520", "is of 2021"),
    ],
)
def test_a_spoilt_bibliography(old, new, complaint):
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert any(complaint in problem for problem in found), found


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("As in {cite:p}`lancucki2020robust, vandenoord2017neural`.", None),
        ("{cite:t}`lancucki2020robust` says so.", None),
        ("As in {cite:p}`lancucki2020robust,nobody2020nothing`.", "'nobody2020nothing'"),
        ("As in {cite:p}``.", "''"),
        ("As in {cite:p}`lancucki2020robust,`.", "''"),
        ("As in {cite}`lancucki2020robust`.", "use cite:p or cite:t"),
    ],
)
def test_a_spoilt_citation(source, complaint):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    found = citation_problems(notebook, {"lancucki2020robust", "vandenoord2017neural"})
    assert len(found) == (complaint is not None)
    assert all(complaint in problem for problem in found)


def test_code_cells_cite_nothing():
    source = "# {cite:p}`nobody2020nothing`"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    assert citations(notebook) == []


@pytest.mark.parametrize(
    ("cited", "code", "left"),
    [
        (set(), "", ["lancucki2020robust", "vandenoord2017neural"]),
        ({"lancucki2020robust"}, "", ["vandenoord2017neural"]),
        (set(), "Source: van den\n    Oord et al. 2017, Eq. 3.", ["lancucki2020robust"]),
        (set(), "Łańcucki and others (2020)", ["vandenoord2017neural"]),
        ({"lancucki2020robust"}, "van den Oord et al. 2016", ["vandenoord2017neural"]),
        ({"lancucki2020robust"}, "van den Oord. In 2017", ["vandenoord2017neural"]),
    ],
)
def test_an_unused_entry(cited, code, left):
    assert unused(parse_string(GOOD, "bibtex"), cited, code) == left
