"""The course's own texts as data: what is read, what is refused, and that the real files fit."""

import re
from pathlib import Path

import nbformat
import pytest
from pybtex.database import parse_file

from vqedu import reading
from vqedu.errors import DataError, InputError

CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"

BIB = """\
% Confirmed: somewhere.
@inproceedings{lancucki2020robust,
  author = {Łańcucki, Adrian and Chorowski, Jan and
    Sanchez, Guillaume},
  title = {Robust Training of {Vector-Quantized} Models},
  booktitle = {A Conference},
  year = {2020},
  url = {https://arxiv.org/abs/2005.08520},
}

@article{student1908probable,
  author = {{Student}},
  title = {The Probable Error of a Mean},
  journal = {Biometrika},
  year = {1908},
  doi = {10.1093/biomet/6.1.1},
}
"""
LIST = """
[[work]]
key = "student1908probable"
topic = "Statistics"
idea = "t"
note = "Read it."
chapter = 7
"""
GLOSSARY = """# Words

```{glossary}
moving average
EMA
移动平均
  A mean
  that forgets.

VAE
变分自编码器
  An autoencoder.
```
"""


@pytest.fixture
def put(tmp_path):
    def put(name, text):
        (tmp_path / name).write_text(text, "utf-8")
        return tmp_path / name

    return put


class TestBibliography:
    def test_what_is_read(self, put):
        robust, student = reading.bibliography(put("a.bib", BIB)).values()
        assert robust.authors == ("Łańcucki", "Chorowski", "Sanchez")
        assert robust.title == "Robust Training of Vector-Quantized Models"
        assert (robust.year, robust.venue) == (2020, "A Conference")
        assert (robust.cited, student.cited) == ("Łańcucki et al. 2020", "Student 1908")
        assert student.address == "https://doi.org/10.1093/biomet/6.1.1"

    def test_the_real_one_as_pybtex_reads_it(self):
        ours = reading.bibliography(CHAPTERS / "references.bib")
        theirs = parse_file(str(CHAPTERS / "references.bib"), "bibtex").entries
        assert list(ours) == list(theirs)
        for key, entry in theirs.items():
            names = [
                " ".join(p.prelast_names + p.last_names).strip("{}")
                for p in entry.persons["author"]
            ]
            assert list(ours[key].authors) == names
            assert ours[key].title == re.sub(r"[{}]", "", " ".join(entry.fields["title"].split()))
            assert ours[key].year == int(entry.fields["year"])
            assert ours[key].address.startswith("http")

    @pytest.mark.parametrize("field", ["author", "title", "year"])
    def test_a_missing_field(self, put, field):
        with pytest.raises(DataError, match=f" lacks {field}$"):
            reading.bibliography(put("a.bib", re.sub(rf"(?m)^  {field} = \{{+[^,]*,\n", "", BIB)))

    def test_no_file(self, tmp_path):
        with pytest.raises(DataError, match="in the folder `chapters`"):
            reading.bibliography(tmp_path / "references.bib")


class TestReadingList:
    def test_what_is_read(self, put):
        works = reading.bibliography(put("a.bib", BIB))
        (entry,) = reading.reading_list(put("a.toml", LIST), works)
        assert entry.work is works["student1908probable"]
        assert (entry.topic, entry.idea, entry.chapter) == ("Statistics", "t", 7)

    def test_what_is_shown(self, put):
        works = reading.bibliography(put("a.bib", BIB))
        (entry,) = reading.reading_list(put("a.toml", LIST.replace("Read it", "p < 0.05")), works)
        text = reading.show([entry, entry]).data
        assert text.count("<strong>Statistics</strong>") == 1
        assert text.count('href="https://doi.org/10.1093/biomet/6.1.1"') == 2
        assert "(Student 1908, Biometrika). p &lt; 0.05. <em>Chapter 7.</em>" in text

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("student1908", "student1909", "'student1909probable' is not in the bibliography"),
            ('key = "student1908probable"', "", "None is not in"),
            ('note = "Read it."', "", "does not keep the form"),
            ("chapter = 7", "chapter = 7\nstars = 5", "does not keep the form"),
            ("chapter = 7", "chapter =", "not valid TOML"),
        ],
    )
    def test_a_spoilt_list(self, put, old, new, complaint):
        works = reading.bibliography(put("a.bib", BIB))
        with pytest.raises(DataError, match=complaint):
            reading.reading_list(put("a.toml", LIST.replace(old, new)), works)

    def test_the_chapters_named_in_the_real_one_cite_the_works(self):
        works = reading.bibliography(CHAPTERS / "references.bib")
        for entry in reading.reading_list(CHAPTERS / "reading.toml", works):
            (path,) = CHAPTERS.glob(f"{entry.chapter:02}_*.ipynb")
            cells = nbformat.read(path, as_version=4).cells
            prose = "\n".join(c.source for c in cells if c.cell_type == "markdown")
            cited = {key.strip() for keys in re.findall(r"\{cite:\w\}`(.*?)`", prose)
                     for key in keys.split(",")}  # fmt: skip
            assert entry.work.key in cited, f"{path.name} does not cite {entry.work.key}"


class TestTitles:
    @pytest.fixture
    def works(self, put):
        return reading.bibliography(put("a.bib", BIB)).values()

    def test_case_hyphens_and_accents_do_not_matter(self, works):
        title = "robust training of vector quantized MODELS."
        work, likeness = reading.nearest_title(title, works)
        assert (work.key, likeness) == ("lancucki2020robust", 1.0)
        assert reading.normalised("Naïve  k-Means++") == "naive k means"

    def test_another_title_is_less_alike(self, works):
        work, likeness = reading.nearest_title("The Error of a Probable Mean", works)
        assert work.key == "student1908probable"
        assert 0.5 < likeness < 0.95

    def test_nothing_to_compare(self, works):
        with pytest.raises(InputError):
            reading.nearest_title("¿?", works)
        with pytest.raises(InputError):
            reading.nearest_title("A title", [])


class TestGlossary:
    def test_what_is_read(self, put):
        average, vae = reading.glossary(put("a.md", GLOSSARY))
        assert average == reading.Entry(
            ("moving average", "EMA"), "移动平均", "A mean that forgets."
        )
        assert vae.terms == ("VAE",)

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("{glossary}", "{note}", "no {glossary}"),
            ("移动平均\n", "", "EMA"),
            ("EMA\n", "平均\n", "moving average"),
            ("  An autoencoder.\n", "", "VAE"),
        ],
    )
    def test_a_spoilt_glossary(self, put, old, new, complaint):
        with pytest.raises(DataError, match=complaint):
            reading.glossary(put("a.md", GLOSSARY.replace(old, new)))

    def test_the_real_one(self):
        entries = reading.glossary(CHAPTERS / "glossary.md")
        first = [entry.terms[0].lower() for entry in entries]
        assert 45 <= len(entries) <= 80
        assert first == sorted(first, key=lambda term: term.replace("é", "e"))
        names = [name for entry in entries for name in (*entry.terms, entry.chinese)]
        assert len(set(names)) == len(names)
        assert all(8 <= len(entry.definition.split()) <= 60 for entry in entries)
