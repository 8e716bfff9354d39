"""Runs beside each other: what stands in the table, where the dots lie, what is in the strip."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vqedu import plots
from vqedu.results import interval


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([21.0, 21.2, 21.1], "21.10 ± 0.25"),
        ([100.0, 180.0, 140.0], "140 ± 99"),
        ([0.2, 0.201, 0.202], "0.2010 ± 0.0025"),
        ([128.0, 128.0], "128 ± 0"),
        ([1.0, 1.0], "1.00 ± 0.00"),
        ([21.04321], "21.04"),
        ([], "–"),
    ],
)
def test_stated(values, text):
    assert plots.stated(values) == text


def test_table_of_seeds():
    text = plots.table({"VQ-VAE": {"PSNR [dB]": [21.0, 21.2, 21.1], "bits": "128"}}).data
    assert "<td>21.10 ± 0.25</td><td>128</td>" in text


def test_table():
    rows = {"VQ-VAE": {"PSNR [dB]": "21 ± 1"}, "a < b": {"PSNR [dB]": "20", "bits": "128"}}
    text = plots.table(rows, corner="objective").data
    assert text.count("<tr>") == 3
    assert [text.count(word) for word in ("PSNR [dB]", "21 ± 1", "128", "objective")] == [1] * 4
    assert "<td>21 ± 1</td><td>–</td>" in text  # a cell that is not there
    assert "a &lt; b" in text
    assert "<script" not in text


SEEDS = {
    "PSNR [dB]": {"squared": [21.0, 21.2, 21.1], "adversarial": [20.0]},
    "sharpness": {"squared": [0.1, 0.2, 0.3], "adversarial": [0.5]},
}


def test_dots():
    figure = plots.dots(SEEDS, limits={"sharpness": (1.0, "as sharp")})
    psnr, sharpness = figure.axes
    assert [axis.get_xlabel() for axis in figure.axes] == list(SEEDS)
    bar, seeds, single = psnr.lines  # one run has no interval
    middle, half = interval([21.0, 21.2, 21.1])
    np.testing.assert_allclose(bar.get_xdata(), [middle - half, middle + half])
    np.testing.assert_allclose(seeds.get_xydata(), [[21.0, 0], [21.2, 0], [21.1, 0]])
    np.testing.assert_allclose(single.get_xydata(), [[20.0, 1]])
    assert seeds.get_marker() != single.get_marker()
    assert [label.get_text() for label in psnr.get_yticklabels()] == ["squared", "adversarial"]
    assert psnr.yaxis_inverted()
    assert len(sharpness.lines) == 4
    assert sharpness.lines[-1].get_xdata()[0] == 1.0
    assert [text.get_text() for text in sharpness.texts] == ["as sharp"]


def test_dots_of_many_names_in_an_incomplete_grid():
    many = {name: [i, i + 1.0] for i, name in enumerate("abcdefg")}
    figure = plots.dots({"a": many, "b": many, "c": many}, columns=2)
    assert [axis.axison for axis in figure.axes] == [True, True, True, False]
    assert len({line.get_color() for line in figure.axes[0].lines}) == 1


POINTS = {
    "clothes": {"squared": [(21.0, 13.0), (21.2, 15.0)], "adversarial": [(20.0, 4.0)]},
    "photos": {"squared": [(24.0, 90.0)], "other": [(22.0, 50.0)]},
}


def test_plane():
    figure = plots.plane(POINTS, "PSNR [dB]", "Fréchet", path=("squared", "adversarial"))
    clothes, photos = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["clothes", "photos"]
    assert [axis.get_xlabel() for axis in figure.axes] == ["PSNR [dB]"] * 2
    assert clothes.get_ylabel() == "Fréchet"
    assert clothes.get_yscale() == "log"
    way, squared, adversarial = clothes.lines
    np.testing.assert_allclose(way.get_xydata(), [[21.1, 14.0], [20.0, 4.0]], rtol=1e-6)
    np.testing.assert_allclose(squared.get_xydata(), POINTS["clothes"]["squared"])
    looks = [(line.get_color(), line.get_marker()) for line in (squared, adversarial)]
    assert looks[0][0] != looks[1][0]
    assert looks[0][1] != looks[1][1]
    same = photos.lines[1]
    assert (same.get_color(), same.get_marker()) == looks[0]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["squared", "adversarial", "other"]


def test_plane_without_a_path():
    (axis,) = plots.plane({"clothes": POINTS["clothes"]}, "x [dB]", "y").axes
    assert len(axis.lines) == 2


@pytest.mark.parametrize("channels", [1, 3])
def test_as_png(channels):
    batch = torch.linspace(-1, 1, 2 * channels * 5 * 4).view(2, channels, 5, 4)
    picture = np.asarray(Image.open(io.BytesIO(plots.as_png(batch, zoom=3))))
    assert picture.shape[:2] == (5 * 3, (4 + 1 + 4) * 3)
    small = picture[::3, ::3]
    for start, image in ((0, batch[0]), (5, batch[1])):
        wanted = (plots.as_picture(image) * 255).round()
        np.testing.assert_array_equal(small[:, start : start + 4], wanted)
    assert (small[:, 4] == 255).all()
