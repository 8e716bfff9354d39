"""The page that the browser gets: its data, its parts, and that it asks nobody for anything. What
it does when touched is tested in tests/site, in a browser."""

import json
import re

import pytest
import torch
from bs4 import BeautifulSoup

from vqedu.errors import InputError
from vqedu.widgets import voronoi


@pytest.fixture
def points():
    torch.manual_seed(0)
    return torch.randn(12, 2)


def page(points, codes):
    return BeautifulSoup(voronoi(points, codes).data, "html.parser")


def start(points, codes):
    return json.loads(page(points, codes).select_one(".vq-voronoi")["data-start"])


def test_the_browser_starts_from_the_numbers_given(points):
    data = start(points, points[:3] + 1)
    torch.testing.assert_close(torch.tensor(data["points"]), points, rtol=0, atol=6e-5)
    torch.testing.assert_close(torch.tensor(data["codes"]), points[:3] + 1, rtol=0, atol=6e-5)


@pytest.mark.parametrize("stretch", [(1, 1), (50, 1), (1, 50), (0, 0)])
def test_everything_lies_in_the_frame_at_one_scale(points, stretch):
    points = points * torch.tensor(stretch) + 5
    codes = points[:2] + torch.tensor([0.5, 0.0])
    left, right, low, high = start(points, codes)["bounds"]
    x, y = torch.cat([points, codes]).T
    assert left < x.min() <= x.max() < right
    assert low < y.min() <= y.max() < high
    assert (right - left) / (high - low) == pytest.approx(472 / 352, rel=1e-2)


def test_a_page_may_hold_several(points):
    """No ids that could clash, no global names, and nothing loaded."""
    soup = page(points, points[:8])
    assert not soup.find_all(id=True)
    assert not [tag for tag in soup.find_all(True) if {"src", "href"} & tag.attrs.keys()]
    script = soup.script.string.strip()
    assert script.startswith("(() => {")
    assert script.endswith("})();")
    assert not re.search(r"\bvar |window\.\w+ =|https?://(?!www\.w3\.org/2000/svg)", script)
    rules = re.findall(r"^\s*([^\s{}][^{}]*)\{", soup.style.string, re.M)
    assert rules
    assert all(rule.startswith(".vq-voronoi") for rule in rules)


def test_buttons_and_readout(points):
    soup = page(points, points[:2])
    assert [button["data-do"] for button in soup.find_all("button")] == ["step", "run", "reset"]
    assert all(button["type"] == "button" for button in soup.find_all("button"))
    assert soup.select_one("[role=status]")["aria-live"] == "polite"
    assert soup.svg["aria-label"]
    assert "JavaScript" in soup.select_one("[role=status]").text  # where scripts do not run


def test_a_colour_and_a_shape_for_each_code(points):
    script = page(points, points[:8]).script.string
    colours = re.search(r"COLOURS = \[(.*?)\]", script, re.S)[1].split(",")
    shapes = re.findall(r'"(M[^"]+)"', re.search(r"SHAPES = \[(.*?)\];", script, re.S)[1])
    assert len({colour.strip() for colour in colours if colour.strip()}) == len(set(shapes)) == 8


@pytest.mark.parametrize(
    ("points", "codes", "message"),
    [
        (torch.rand(5, 3), torch.rand(2, 2), r"points must be \(n, 2\).*\(5, 3\)"),
        (torch.rand(5), torch.rand(2, 2), "points must be"),
        (torch.rand(0, 2), torch.rand(2, 2), "points must be"),
        (torch.rand(201, 2), torch.rand(2, 2), "n from 1 to 200"),
        (torch.rand(5, 2), torch.rand(9, 2), "codes must be .* n from 1 to 8"),
        (torch.full((2, 2), torch.nan), torch.rand(2, 2), "points must be finite"),
        (torch.rand(2, 2), torch.full((2, 2), torch.inf), "codes must be finite"),
    ],
)
def test_what_cannot_be_drawn(points, codes, message):
    with pytest.raises(InputError, match=message):
        voronoi(points, codes)
