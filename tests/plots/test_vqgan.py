"""Receptive fields: what is faded, and where the frame lies."""

import numpy as np
import torch
from matplotlib.patches import Rectangle

from vqedu import plots


def test_fields():
    image = torch.linspace(-1, 1, 64).view(1, 8, 8)
    small, large = torch.zeros(1, 8, 8), torch.ones(1, 8, 8)
    small[0, 2:4, 5:7] = -1e-6  # any gradient counts, whatever its size and sign
    boxes = {"a": (2, 5, 2), "b": (-1, 0, 10)}
    figure = plots.fields(image, {"a": small, "b": large}, boxes)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    first, second = (np.asarray(axis.images[0].get_array()) for axis in figure.axes)
    picture = plots.as_picture(image[:, :8])
    np.testing.assert_allclose(second, picture)  # nothing is faded
    seen = np.zeros((8, 8), bool)
    seen[2:4, 5:7] = True
    np.testing.assert_allclose(first[seen], picture[seen])
    assert np.ptp(first[~seen]) < 0.3 * np.ptp(picture)  # little contrast is left
    frames = [next(p for p in a.patches if isinstance(p, Rectangle)) for a in figure.axes]
    assert [frame.get_xy() for frame in frames] == [(4.5, 1.5), (-0.5, -1.5)]
    assert [(frame.get_width(), frame.get_height()) for frame in frames] == [(2, 2), (10, 10)]


def test_fields_of_a_colour_image():
    image = torch.rand(3, 8, 8) * 2 - 1
    gradient = torch.zeros(3, 8, 8)
    gradient[1, 0, 0] = 1.0  # one channel suffices
    (axis,) = plots.fields(image, {"a": gradient}, {"a": (0, 0, 1)}).axes
    shown = np.asarray(axis.images[0].get_array())
    np.testing.assert_allclose(shown[0, 0], plots.as_picture(image)[0, 0], atol=1e-6)
    assert not np.allclose(shown[1, 1], plots.as_picture(image)[1, 1])
