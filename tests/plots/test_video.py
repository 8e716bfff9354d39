"""A film strip: which frame stands where, and what is marked."""

import numpy as np
import torch

from vqedu import plots


def clip(frames=4):
    return torch.rand(1, frames, 6, 6) * 2 - 1


def test_rows_are_clips_and_columns_are_frames():
    torch.manual_seed(0)
    clips = {"true": clip(), "drawn": clip()}
    figure = plots.filmstrip(clips)
    assert len(figure.axes) == 8
    assert [axis.get_title() for axis in figure.axes] == ["1", "2", "3", "4"] + [""] * 4
    assert [axis.get_ylabel() for axis in figure.axes[::4]] == ["true", "drawn"]
    shown = np.asarray(figure.axes[6].images[0].get_array())
    np.testing.assert_allclose(shown, plots.as_picture(clips["drawn"][:, 2]))
    assert not figure.lines


def test_given_frames_are_marked():
    figure = plots.filmstrip({"a": clip(), "b": clip()}, given=3)
    titles = [axis.get_title() for axis in figure.axes[:4]]
    assert titles == ["given\n1", "given\n2", "given\n3", "continued\n4"]
    (line,) = (artist for artist in figure.get_children() if hasattr(artist, "get_xdata"))
    (x, _), (bottom, top) = line.get_xdata(), line.get_ydata()
    left, right = (figure.axes[i].get_position() for i in (2, 3))
    assert left.x1 < x < right.x0
    assert (bottom <= figure.axes[-1].get_position().y0, top) == (True, 1)
