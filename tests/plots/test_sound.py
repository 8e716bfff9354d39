"""Spectrograms: which way up, on which scales."""

import numpy as np
import torch

from vqedu import plots, sound


def test_spectrograms():
    first = torch.full((64, 48), -1.0)
    first[20] = 1.0
    second = torch.linspace(-1, 1, 64 * 24).view(64, 24)
    figure = plots.spectrograms({"a": first, "b": second}, columns=3)
    a, b = (axis for axis in figure.axes if axis.axison)
    assert [axis.get_title() for axis in (a, b)] == ["a", "b"]
    np.testing.assert_allclose(a.images[0].get_array(), first)
    assert a.images[0].origin == "lower"
    for axis, seconds in ((a, 0.768), (b, 0.384)):
        image = axis.images[0]
        assert image.get_clim() == (-1, 1)
        assert image.get_extent() == [0, seconds, -0.5, 63.5]
        assert image.get_cmap().name == "viridis"
        assert "time [s]" in axis.get_xlabel()
    ticks = dict(zip([t.get_text() for t in a.get_yticklabels()], a.get_yticks(), strict=True))
    band = round(ticks["1000"])
    assert abs(sound.frequencies()[band] - 1000) < 30
    assert a.get_ylabel() == "frequency [Hz]"


def test_spectrograms_in_several_lines():
    named = {str(i): torch.zeros(64, 8) for i in range(5)}
    figure = plots.spectrograms(named, columns=2)
    assert len(figure.axes) == 6
    assert sum(axis.axison for axis in figure.axes) == 5
