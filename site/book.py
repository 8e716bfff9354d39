"""The book's configuration: reads book.toml, refuses a wrong one, writes myst.yml from it.

`python site/book.py` rewrites myst.yml, which Jupyter Book 2 reads; with `--check` it only fails
when myst.yml does not say what book.toml says.
"""

import argparse
import dataclasses
import difflib
import json
import os
import re
import sys
import tomllib
import types
import typing
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class BookError(Exception):
    """book.toml cannot be used: the message holds the file, the key and how to mend it."""

    def __init__(self, file: Path, key: str, problem: str, mend: str):
        where = f"{file.name}: {key}" if key else file.name
        super().__init__(f"{where}: {problem}. {mend}")


@dataclass(frozen=True)
class Repository:
    url: str
    branch: str


@dataclass(frozen=True)
class Part:
    title: str
    chapters: tuple[str, ...]


@dataclass(frozen=True)
class Launch:
    binder: str
    colab: str


@dataclass(frozen=True)
class Execution:
    cell_timeout: int
    seconds_per_chapter: int


@dataclass(frozen=True)
class Book:
    """What book.toml says; its comments tell what each key is for."""

    title: str
    question: str
    authors: tuple[str, ...]
    language: str
    repository: Repository
    parts: tuple[Part, ...]
    launch: Launch
    execution: Execution

    @property
    def chapters(self) -> tuple[str, ...]:
        """All chapters in reading order."""
        return tuple(name for part in self.parts for name in part.chapters)


def load(file: Path = ROOT / "book.toml") -> Book:
    """Read and check `file`; the chapters are looked for in chapters/ beside it.

    Raises:
        BookError: at the first thing that is wrong.
    """
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise BookError(file, "", "not found", f"Restore it: {file} describes the book") from None
    except ValueError as error:  # broken TOML, or bytes that are not UTF-8
        raise BookError(
            file, "", f"not valid TOML: {error}", "Mend that line; strings stand in double quotes"
        ) from error
    book = _read(Book, table, "", file)
    _check_links(book, file)
    _check_chapters(book, file)
    return book


def load_or_exit() -> Book:
    """The book, for scripts: a wrong book.toml ends them with its one line, not a traceback."""
    try:
        return load(ROOT / "book.toml")
    except BookError as error:
        sys.exit(str(error))


_EXAMPLES = {str: '"some text"', int: "600", tuple: '["one", "two"]'}


def _read(kind: type, value: object, key: str, file: Path):
    """Turn a TOML value into `kind`: a dataclass from a table, a tuple from an array, or a scalar.

    A dataclass has exactly the keys of its table, so the classes above are the schema.
    """
    if isinstance(kind, types.GenericAlias):  # tuple[item, ...]
        item = typing.get_args(kind)[0]
        if not isinstance(value, list) or not value:
            example = f"[[{key}]] tables" if dataclasses.is_dataclass(item) else _EXAMPLES[tuple]
            raise BookError(file, key, "must be a list that is not empty", f"Write it as {example}")
        return tuple(_read(item, entry, f"{key}[{i}]", file) for i, entry in enumerate(value))
    if dataclasses.is_dataclass(kind):
        return _read_table(kind, value, key, file)
    if type(value) is not kind:  # not isinstance: true is no number of seconds
        found = f"must be {kind.__name__}, not {type(value).__name__}"
        raise BookError(file, key, found, f"Write it like {_EXAMPLES[kind]}")
    if kind is int and value <= 0:
        raise BookError(file, key, "must be more than 0", "Give a number of seconds")
    if kind is str and not value.strip() and not key.startswith("launch."):
        raise BookError(file, key, "is empty", "Write some text between the quotes")
    return value


def _read_table(kind: type, value: object, key: str, file: Path):
    if not isinstance(value, dict):
        raise BookError(file, key, "must be a table", f"Write it as [{key}] with its keys below")
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    prefix = f"{key}." if key else ""
    for name in value:
        if name not in fields:
            raise BookError(file, prefix + name, "unknown key", _suggest(name, fields))
    for name in fields:
        if name not in value:
            raise BookError(file, prefix + name, "missing", "Add it: the key has no default")
    return kind(**{name: _read(fields[name], value[name], prefix + name, file) for name in fields})


def _suggest(name: str, known: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known are: {', '.join(sorted(known)) or 'none'}"


def _check_links(book: Book, file: Path) -> None:
    links = {
        "repository.url": book.repository.url,
        "launch.binder": book.launch.binder,
        "launch.colab": book.launch.colab,
    }
    for key, link in links.items():
        if link and not re.fullmatch(r"https://\S+", link):
            raise BookError(file, key, f"{link!r} is no web address", "Start it with https://")


def _check_chapters(book: Book, file: Path) -> None:
    notebooks = {path.stem for path in (file.parent / "chapters").glob("*.ipynb")}
    seen: dict[str, str] = {}
    for i, part in enumerate(book.parts):
        for j, name in enumerate(part.chapters):
            key = f"parts[{i}].chapters[{j}]"
            if name in seen:
                listed = f"{name!r} is already listed at {seen[name]}"
                raise BookError(file, key, listed, "Remove one of the two")
            if name not in notebooks:
                absent = f"there is no chapters/{name}.ipynb"
                raise BookError(file, key, absent, _suggest(name, notebooks))
            if not re.match(r"\d\d_", name):
                unnumbered = f"{name!r} does not start with its number"
                raise BookError(file, key, unnumbered, "Name the file like 05_vqvae.ipynb")
            seen[name] = key
    # A copy or a scratch notebook beside the chapters does not count: the names of chapters do.
    own = {name for name in notebooks - set(seen) if re.fullmatch(r"\d\d_\w+", name)}
    for name in sorted(own):
        unlisted = f"chapters/{name}.ipynb is in no part"
        raise BookError(file, "parts", unlisted, "List it, or move it out of chapters/")


def myst_yml(book: Book) -> str:
    """The text of myst.yml. A JSON string is a YAML string, so quoting needs no library."""
    lines = [
        "# Written from book.toml by `python site/book.py`: change that file, not this one.",
        "version: 1",
        "project:",
        f"  title: {json.dumps(book.title)}",
        f"  description: {json.dumps(book.question)}",
        "  authors:",
        *(f"    - name: {json.dumps(name)}" for name in book.authors),
        "  license: MIT",
        f"  github: {json.dumps(book.repository.url)}",
        "  bibliography:",
        "    - chapters/references.bib",
        "  toc:",
        "    - file: chapters/index.md",
    ]
    for part in book.parts:
        lines += [f"    - title: {json.dumps(part.title)}", "      children:"]
        lines += [f"        - file: chapters/{name}.ipynb" for name in part.chapters]
    lines += [
        "    - file: chapters/models.md",
        "    - file: chapters/claims.md",
        "    - file: chapters/glossary.md",
        "    - file: chapters/teaching.md",
        "site:",
        "  template: book-theme",
        "  options:",
        "    logo: site/_static/logo.svg",
        "    favicon: site/_static/logo.svg",
    ]
    return "\n".join(lines) + "\n"


def put(target: Path, text: str) -> None:
    """Write a generated file whole or not at all, and say so."""
    draft = target.with_name(f"{target.name}.part")
    draft.write_text(text, "utf-8")
    os.replace(draft, target)
    print(f"{target.name} written")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write myst.yml from book.toml.")
    parser.add_argument("--check", action="store_true", help="only fail when myst.yml is stale")
    options = parser.parse_args(arguments)
    target = ROOT / "myst.yml"
    try:
        text = myst_yml(load(ROOT / "book.toml"))
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    current = target.read_text("utf-8") if target.exists() else None
    if text == current:
        return 0
    if options.check:
        print("myst.yml: is stale. Write it again: python site/book.py", file=sys.stderr)
        return 1
    put(target, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
