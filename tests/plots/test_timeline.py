"""The figure of ideas by year: who stands where, and under which name."""

import numpy as np
import pytest

from vqedu import plots

GROUPS = {"models": {"VQ-VAE": 2017, "VQGAN": 2021}, "priors": {"PixelCNN": 2016, "LBG": 1980}}


def marks(figure):
    return {line.get_label(): line.get_xydata() for line in figure.axes[0].lines}


def test_the_earliest_stands_on_top():
    figure = plots.timeline(GROUPS, since=2015)
    np.testing.assert_array_equal(marks(figure)["models"], [[2017, 2], [2021, 3]])
    np.testing.assert_array_equal(marks(figure)["priors"], [[2013, 0], [2016, 1]])
    low, high = figure.axes[0].get_ylim()
    assert low > high
    assert figure.axes[0].get_xticklabels()[0].get_text() == "earlier"


def test_names_stand_beside_their_marks():
    figure = plots.timeline(GROUPS, since=2015)
    named = {text.get_text(): text for text in figure.axes[0].texts}
    assert set(named) == {"VQ-VAE", "VQGAN", "PixelCNN", "LBG (1980)"}
    assert named["VQGAN"].xy == (2021, 3)
    assert [named[n].get_ha() for n in ("LBG (1980)", "VQGAN")] == ["left", "right"]


def test_topics_differ_without_colour():
    lines = plots.timeline(GROUPS, since=2015).axes[0].lines
    assert len({line.get_marker() for line in lines}) == 2


@pytest.mark.parametrize("since", [1980, 2015])
def test_nothing_is_cut_off(since):
    axis = plots.timeline(GROUPS, since).axes[0]
    left, right = axis.get_xlim()
    for line in axis.lines:
        assert (line.get_xdata() > left).all()
        assert (line.get_xdata() < right).all()
