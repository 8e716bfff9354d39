"""The course's own texts as data: its bibliography, its reading list, its glossary.

The files lie in ``chapters/``, where the notebooks run: ``references.bib``, ``reading.toml`` and
``glossary.md``. Used in ``chapters/10_resources_and_faq``.
"""

import difflib
import html
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from IPython.display import HTML

from .errors import DataError, InputError

ENTRY = re.compile(r"^@(\w+)\{([^,\s]+),\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^  (\w+) = \{(.*?)\},$", re.MULTILINE | re.DOTALL)
VENUES = ("booktitle", "journal", "publisher")
GLOSSARY = re.compile(r"^```\{glossary\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Work:
    """An entry of the bibliography, without the braces of BibTeX.

    Attributes:
        key: what ``{cite:p}`` takes.
        authors: family names, in order.
        title: as printed.
        venue: proceedings, journal or publisher; empty for a preprint.
        year: of publication.
        address: where it can be read, a URL.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    venue: str
    year: int
    address: str

    @property
    def cited(self) -> str:
        """``"van den Oord et al. 2017"``."""
        first = self.authors[0]
        others = {1: "", 2: f" and {self.authors[-1]}"}.get(len(self.authors), " et al.")
        return f"{first}{others} {self.year}"


@dataclass(frozen=True)
class Reading:
    """An entry of the reading list: a work, and what the course says about it.

    Attributes:
        work: the entry of the bibliography.
        topic: the heading that it stands under.
        idea: what it brought, in a word or two.
        note: what to take from it, a sentence.
        chapter: number of the chapter that uses it most, which cites it.
    """

    work: Work
    topic: str
    idea: str
    note: str
    chapter: int


@dataclass(frozen=True)
class Entry:
    """An entry of the glossary.

    Attributes:
        terms: English, the usual one first.
        chinese: the term in Chinese.
        definition: one or two sentences of plain text.
    """

    terms: tuple[str, ...]
    chinese: str
    definition: str


def bibliography(path: str | Path = "references.bib") -> dict[str, Work]:
    """The works of a BibTeX file by key, in its order.

    It reads the form that the course's file keeps (a field a line, values in braces, a closing
    brace alone on its line), and not every BibTeX; for that there is pybtex.

    Raises:
        DataError: no such file, or an entry without authors, title or year.
    """
    works = {}
    for kind, key, body in ENTRY.findall(_text(path)):
        fields = {name: _plain(value) for name, value in FIELD.findall(body)}
        missing = {"author", "title", "year"} - fields.keys()
        if missing:
            raise DataError(f"{path}: @{kind}{{{key}}} lacks {', '.join(sorted(missing))}")
        authors = tuple(name.partition(",")[0] for name in fields["author"].split(" and "))
        venue = next((fields[name] for name in VENUES if name in fields), "")
        address = fields.get("url", "https://doi.org/" + fields.get("doi", ""))
        works[key] = Work(key, authors, fields["title"], venue, int(fields["year"]), address)
    return works


def reading_list(
    path: str | Path = "reading.toml", works: dict[str, Work] | None = None
) -> list[Reading]:
    """The annotated list, in reading order.

    Args:
        path: a TOML file of ``[[work]]`` tables with key, topic, idea, note, chapter.
        works: the bibliography; by default :func:`bibliography`.

    Raises:
        DataError: no such file, broken TOML, or a key that is not in the bibliography.
    """
    works = bibliography() if works is None else works
    try:
        entries = tomllib.loads(_text(path)).get("work", [])
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: not valid TOML: {error}") from error
    readings = []
    for entry in entries:
        rest = dict(entry)
        key = rest.pop("key", None)
        if key not in works:
            raise DataError(f"{path}: {key!r} is not in the bibliography")
        try:
            readings.append(Reading(works[key], **rest))
        except TypeError as error:
            raise DataError(f"{path}: the entry {key!r} does not keep the form: {error}") from error
    return readings


def show(readings: list[Reading]) -> HTML:
    """The list as it is read: under each topic its works with a link, authors, year and venue, the
    note, and the chapter that uses the work."""
    lines, topic = [], None
    for entry in readings:
        if entry.topic != topic:
            lines.append(f'<li class="topic"><strong>{html.escape(entry.topic)}</strong></li>')
            topic = entry.topic
        work, where = entry.work, f", {entry.work.venue}" if entry.work.venue else ""
        lines.append(
            f'<li><a href="{html.escape(work.address)}">{html.escape(work.title)}</a> '
            f"({html.escape(work.cited + where)}). {html.escape(entry.note)} "
            f"<em>Chapter {entry.chapter}.</em></li>"
        )
    return HTML(f'<ul class="reading">{"".join(lines)}</ul>')


def normalised(title: str) -> str:
    """A title for comparing: small letters and digits, single spaces, no accents."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


def nearest_title(title: str, works: Iterable[Work]) -> tuple[Work, float]:
    """The work whose title is most like ``title``, and how much: 1 for the same words.

    The measure is difflib's ratio of :func:`normalised` titles: twice the number of letters in
    common, by blocks, over the number of all letters.

    Raises:
        InputError: an empty title, or no works.
    """
    wanted, works = normalised(title), list(works)
    if not wanted or not works:
        raise InputError("nearest_title needs a title with letters in it, and at least one work")

    def likeness(work: Work) -> float:
        return difflib.SequenceMatcher(None, wanted, normalised(work.title), False).ratio()

    best = max(works, key=likeness)
    return best, likeness(best)


def glossary(path: str | Path = "glossary.md") -> list[Entry]:
    """The entries of the page's ``{glossary}`` directive, in its order.

    Raises:
        DataError: no such file, no glossary in it, or an entry without English term, Chinese term
            or definition.
    """
    found = GLOSSARY.search(_text(path))
    if not found:
        raise DataError(f"{path} holds no {{glossary}} directive")
    entries = []
    for block in re.split(r"\n\s*\n", found[1].strip("\n")):
        lines = block.splitlines()
        names = [line.strip() for line in lines if not line.startswith(" ")]
        terms = tuple(name for name in names if not CHINESE.search(name))
        chinese = [name for name in names if CHINESE.search(name)]
        definition = " ".join(line.strip() for line in lines if line.startswith(" "))
        if not terms or len(chinese) != 1 or not definition:
            raise DataError(f"{path}: an English, one Chinese term and a definition: {block!r}")
        entries.append(Entry(terms, chinese[0], definition))
    return entries


def _plain(value: str) -> str:
    return " ".join(re.sub(r"[{}]", "", value).split())


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text("utf-8")
    except FileNotFoundError:
        raise DataError(
            f"there is no {path} here: run this in the folder `chapters` of the course"
        ) from None
