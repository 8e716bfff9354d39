"""Every claim of a finished chapter is answered in it, and the page of claims says so."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("course_claims", ROOT / "site" / "claims.py")
claims = importlib.util.module_from_spec(spec)
spec.loader.exec_module(claims)

LIST = """
[[claim]]
id = "C5"
says = "A VQGAN quantises what its generator gives"
verdict = "false"
chapters = ["02_concepts"]

[[claim]]
id = "P1"
says = "For images speed, for video quality"
verdict = "half true"
chapters = ["08_applications"]
"""
ANSWER = "It quantises what its encoder gives, as the check above shows, " + "word " * 20
BOX = f""":::{{admonition}} C5 · false · A VQGAN quantises what its generator gives
:class: claim
:name: claim-c5

{ANSWER}{{cite:p}}`esser2021taming`.
:::
"""


def boxes(*sources):
    cells = [new_code_cell("1 + 1"), *(new_markdown_cell(source) for source in sources)]
    return claims.boxes_in("02_concepts", new_notebook(cells=cells))


def found(source, finished=("02_concepts",)):
    return claims.problems(claims.read_claims(LIST), boxes(source), finished)


def test_the_course_answers_what_it_should(capsys):
    status = claims.main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_the_list_is_whole():
    """Section by section as many as the course took from the article."""
    course = claims.read_claims((ROOT / "chapters" / "claims.toml").read_text("utf-8"))
    letters = [claim.id[0] for claim in course]
    assert {letter: letters.count(letter) for letter in claims.SECTIONS} == {
        "B": 4, "C": 7, "A": 14, "M": 7, "P": 2, "R": 10, "O": 6
    }  # fmt: skip
    assert [c.id for c in course if c.verdict == "unverifiable"] == ["R8"]


def test_a_box_is_found():
    text = f"Some words.\n\n{BOX}\nAnd more.\n\n::: {{note}}\nno claim\n:::\n"
    (box,) = boxes(text)
    assert box.title == "C5 · false · A VQGAN quantises what its generator gives"
    assert (box.chapter, box.name) == ("02_concepts", "claim-c5")
    assert box.body.startswith("It quantises")
    assert box.body.endswith("`esser2021taming`.")
    assert boxes(BOX.replace("class: claim", "class: exercise")) == []


def test_a_good_box_has_no_problems():
    assert found(BOX) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (BOX, "", "0 boxes answer C5"),
        (BOX, BOX + "\n" + BOX, "2 boxes answer C5"),
        ("C5 · false", "C5 · true", "should be called 'C5 · false"),
        ("its generator", "the generator", "should be called"),
        ("claim-c5", "claim-5", "should have the name 'claim-c5'"),
        ("C5 ·", "C9 ·", "names no claim"),
        ("{cite:p}`esser2021taming`", "", "cites nothing"),
        (ANSWER, "No. ", "2 words"),
        (ANSWER, ANSWER * 6, "words; 25 to 130"),
        ("C5 · false · A VQGAN quantises what its generator gives",
         "P1 · half true · For images speed, for video quality", "belongs to 08_applications"),
    ],
)  # fmt: skip
def test_a_bad_box_is_named(old, new, complaint):
    assert old in BOX
    assert any(complaint in problem for problem in found(BOX.replace(old, new)))


def test_an_unfinished_chapter_owes_nothing():
    assert claims.problems(claims.read_claims(LIST), [], ("01_background",)) == []


def test_the_page_links_to_what_is_answered():
    text = claims.page(claims.read_claims(LIST), boxes(BOX))
    link = "[✗ false](02_concepts.ipynb#claim-c5)"
    c5 = f"| C5 | A VQGAN quantises what its generator gives | {link} |"
    half = "◐ half\N{NO-BREAK SPACE}true"
    p1 = f"| P1 | For images speed, for video quality | {half}; chapter 8, being written |"
    assert c5 in text.splitlines()
    assert p1 in text.splitlines()
    assert "Of 2 claims, 1 are answered in finished chapters: 1 false." in text


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('id = "C5"', "id = C5", "not valid TOML"),
        ('id = "C5"', "", "claim number 1: needs id"),
        ('id = "P1"', 'id = "C5"', "claim C5: an id is new"),
        ('id = "P1"', 'id = "Z1"', "claim Z1: an id is new, a letter"),
        ('verdict = "false"', 'verdict = "wrong"', "claim C5: the verdict must be one of"),
        ('chapters = ["02_concepts"]', "chapters = []", "claim C5: 'chapters' is a list"),
        ('["02_concepts"]', '"02_concepts"', "claim C5: 'chapters' is a list"),
        ('chapters = ["02_concepts"]', 'chapters = ["concepts"]', "claim C5: 'chapters' is a list"),
        ('"A VQGAN quantises what its generator gives"', '" "', "claim C5: 'says' must"),
        ('says = "A VQGAN', 'text = "A VQGAN', "claim C5: needs id, says"),
    ],
)
def test_a_broken_list_is_refused(old, new, complaint):
    assert old in LIST
    with pytest.raises(claims.ClaimsError, match=complaint):
        claims.read_claims(LIST.replace(old, new))


def test_writing_and_checking(tmp_path, monkeypatch, capsys):
    (tmp_path / "claims.toml").write_text(LIST)
    nbformat.write(new_notebook(cells=[new_markdown_cell(BOX)]), tmp_path / "02_concepts.ipynb")
    monkeypatch.setattr(claims, "CHAPTERS", tmp_path)
    book = type("Book", (), {"chapters": ("02_concepts",)})
    monkeypatch.setattr(claims.book, "load_or_exit", lambda: book)
    assert claims.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert claims.main([]) == 0
    assert claims.main(["--check"]) == 0
    (tmp_path / "claims.md").write_text("old")
    assert claims.main(["--check"]) == 1
    (tmp_path / "claims.toml").write_text("[")
    assert claims.main([]) == 1
    assert "not valid TOML" in capsys.readouterr().err
    assert (tmp_path / "claims.md").read_text() == "old"
