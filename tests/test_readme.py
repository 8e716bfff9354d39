"""What the README says can be done, done."""

import re
import tomllib
from pathlib import Path

import pytest

from vqedu import results
from vqedu.plots import stated

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_ten_lines_run(capsys):
    """As they stand, but for the number of steps."""
    (block,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert "steps=1000" in block
    names = {}
    exec(block.replace("steps=1000", "steps=2"), names)
    assert "PSNR" in capsys.readouterr().out
    assert names["tokens"].shape == (8, 7, 7)
    assert names["images"].shape == (8, 1, 28, 28)


@pytest.mark.parametrize(("kind", "of"), [("clothes", "fashion"), ("photographs", "photos")])
@pytest.mark.parametrize(("model", "rung"), [("VQ-VAE", "squared"), ("VQGAN", "adversarial")])
def test_its_numbers_are_the_recorded_ones(kind, of, model, rung):
    runs = [
        r["metrics"]
        for r in results.load("ladder")["runs"]
        if r["group"] == "ladder" and (r["data"], r["rung"]) == (of, rung)
    ]
    measured = [stated([run[m] for run in runs]) for m in ("frechet", "sharpness", "psnr")]
    rows = README.split(f"| {kind}, {runs[0]['bits_per_image']:.0f} bits ")[1].splitlines()
    assert f"| {model} | " + " | ".join(measured) + " |" in rows[model == "VQGAN"]


def test_every_chapter_is_listed():
    book = tomllib.loads((ROOT / "book.toml").read_text("utf-8"))
    for part in book["parts"]:
        for name in part["chapters"]:
            assert f"(chapters/{name}.ipynb)" in README, name


def test_every_file_it_links_to_is_there():
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_it_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = set(re.findall(r"`?make ([a-z]+)", README)) - {"sets"}
    assert {"book", "test", "lab", "execute", "help"} <= named <= targets
