"""The page of all claims: reads chapters/claims.toml and the boxes in the chapters.

`python site/claims.py` writes chapters/claims.md; with `--check` it only says what is wrong: a
claim of a finished chapter without its box, a box that says something else than the list, a page
that is stale.
"""

import argparse
import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent))

import book

CHAPTERS = book.ROOT / "chapters"
VERDICTS = {"true": "✓ true", "half true": "◐ half\N{NO-BREAK SPACE}true", "false": "✗ false"}
VERDICTS["unverifiable"] = "? unverifiable"
SECTIONS = {  # by the letter of an id: the section of the article
    "B": "Background",
    "C": "Concepts",
    "A": "Algorithms",
    "M": "Mathematics",
    "P": "Applications",
    "R": "Resources",
    "O": "Outlook",
}
WORDS = (25, 130)  # of an answer
BOX = re.compile(
    r"^(?P<fence>:{3,})\{admonition\} (?P<title>.*)\n(?P<options>(?::\w+:.*\n)+)"
    r"(?P<body>(?:.*\n)*?)(?P=fence)\s*$",
    re.MULTILINE,
)


class ClaimsError(Exception):
    """chapters/claims.toml cannot be used: the message names the claim and how to mend it."""


@dataclass(frozen=True)
class Claim:
    """One entry of claims.toml; its comments tell what each key is for."""

    id: str
    says: str
    verdict: str
    chapters: tuple[str, ...]

    @property
    def title(self) -> str:
        """Of the box that answers it."""
        return f"{self.id} · {self.verdict} · {self.says}"

    @property
    def name(self) -> str:
        """Of the box: what links lead to."""
        return f"claim-{self.id.lower()}"


@dataclass(frozen=True)
class Box:
    """A claim's answer, as it stands in a chapter."""

    chapter: str
    title: str
    name: str
    body: str


def read_claims(text: str) -> tuple[Claim, ...]:
    """The claims of a TOML text, in its order.

    Raises:
        ClaimsError: at the first thing that is wrong.
    """
    try:
        entries = tomllib.loads(text).get("claim", [])
    except tomllib.TOMLDecodeError as error:
        raise ClaimsError(f"claims.toml: not valid TOML: {error}") from error
    claims = []
    for entry in entries:
        name = entry.get("id", f"number {len(claims) + 1}")
        if entry.keys() != {"id", "says", "verdict", "chapters"}:
            raise ClaimsError(f"claim {name}: needs id, says, verdict, chapters; has {list(entry)}")
        if not re.fullmatch(rf"[{''.join(SECTIONS)}]\d+", name) or name in [c.id for c in claims]:
            raise ClaimsError(f"claim {name}: an id is new, a letter of {list(SECTIONS)}, a number")
        if entry["verdict"] not in VERDICTS:
            raise ClaimsError(f"claim {name}: the verdict must be one of {list(VERDICTS)}")
        if not entry["says"].strip():
            raise ClaimsError(f"claim {name}: 'says' must not be empty")
        chapters = entry["chapters"]
        named = isinstance(chapters, list) and [c for c in chapters if re.fullmatch(r"\d\d_\w+", c)]
        if not named or named != chapters:
            raise ClaimsError(f"claim {name}: 'chapters' is a list of names such as 02_concepts")
        claims.append(Claim(**entry | {"chapters": tuple(entry["chapters"])}))
    return tuple(claims)


def boxes_in(chapter: str, notebook) -> list[Box]:
    """Every admonition of class "claim" in a notebook."""
    found = []
    for cell in notebook.cells:
        for match in BOX.finditer(cell.source) if cell.cell_type == "markdown" else ():
            options = dict(re.findall(r"^:(\w+): *(.*?) *$", match["options"], re.MULTILINE))
            if "claim" in options.get("class", "").split():
                name = options.get("name", "")
                found.append(Box(chapter, match["title"].strip(), name, match["body"].strip()))
    return found


def problems(claims: tuple[Claim, ...], boxes: list[Box], finished: tuple[str, ...]) -> list[str]:
    """What is not as it should be, one line each.

    Args:
        claims: the list.
        boxes: those of the finished chapters.
        finished: names of the chapters that are in the book.
    """
    known = {claim.id: claim for claim in claims}
    found = []
    for claim in claims:
        for chapter in set(claim.chapters) & set(finished):
            here = [b for b in boxes if b.chapter == chapter and b.title.startswith(f"{claim.id} ")]
            if len(here) != 1:
                found.append(f"{chapter}: {len(here)} boxes answer {claim.id}; one should")
    for box in boxes:
        claim = known.get(box.title.split(" ")[0])
        where = f"{box.chapter}: the box {box.title[:40]!r}"
        if claim is None:
            found.append(f"{where} names no claim of claims.toml")
            continue
        if box.title != claim.title:
            found.append(f"{where} should be called {claim.title!r}")
        if box.name != claim.name:
            found.append(f"{where} should have the name {claim.name!r}")
        if box.chapter not in claim.chapters:
            found.append(f"{where} belongs to {', '.join(claim.chapters)}")
        words = len(box.body.split())
        if not WORDS[0] <= words <= WORDS[1]:
            found.append(f"{where} has {words} words; {WORDS[0]} to {WORDS[1]} are right")
        if "{cite" not in box.body:
            found.append(f"{where} cites nothing")
    return found


def page(claims: tuple[Claim, ...], boxes: list[Box]) -> str:
    """The Markdown of the page."""
    answers = {(box.title.split(" ")[0], box.chapter) for box in boxes}
    shown_in = {  # the first of its chapters that answers a claim
        c.id: next((chapter for chapter in c.chapters if (c.id, chapter) in answers), None)
        for c in claims
    }
    counts = Counter(c.verdict for c in claims if shown_in[c.id])
    lines = [
        "<!-- Written from claims.toml and the chapters by `python site/claims.py`. -->",
        "",
        "# Every claim, and what is true of it",
        "",
        "What is said about VQ-VAE and VQGAN in a popular article, 《VQVAE 和 VQGAN 的差异》, and",
        "in others like it, in our words. A verdict leads to the box in the chapter where an",
        "experiment or a derivation shows it, and a source is named.",
        "",
        f"Of {len(claims)} claims, {counts.total()} are answered in finished chapters: "
        + ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
        + ".",
    ]
    for letter, section in SECTIONS.items():
        lines += ["", f"## {section}", "", "| | claim | verdict |", "|---|---|---|"]
        for claim in claims:
            if claim.id.rstrip("0123456789") == letter:
                verdict = _verdict(claim, shown_in[claim.id])
                lines.append(f"| {claim.id} | {claim.says} | {verdict} |")
    return "\n".join(lines) + "\n"


def _verdict(claim: Claim, chapter: str | None) -> str:
    if chapter:
        return f"[{VERDICTS[claim.verdict]}]({chapter}.ipynb#{claim.name})"
    return f"{VERDICTS[claim.verdict]}; chapter {int(claim.chapters[0][:2])}, being written"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write chapters/claims.md.")
    parser.add_argument("--check", action="store_true", help="only say what is wrong")
    options = parser.parse_args(arguments)
    finished = book.load_or_exit().chapters
    try:
        claims = read_claims((CHAPTERS / "claims.toml").read_text("utf-8"))
    except ClaimsError as error:
        print(error, file=sys.stderr)
        return 1
    boxes = []
    for name in finished:
        boxes += boxes_in(name, nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4))
    target, text = CHAPTERS / "claims.md", page(claims, boxes)
    wrong = problems(claims, boxes, finished)
    stale = not target.exists() or target.read_text("utf-8") != text
    if options.check and stale:
        wrong.append("claims.md: is stale. Write it again: python site/claims.py")
    for line in wrong:
        print(line, file=sys.stderr)
    if stale and not options.check:
        book.put(target, text)
    return 1 if wrong and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
