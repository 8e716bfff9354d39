"""What plays, how long, what it says, and what readers see who asked for less motion."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from vqedu import plots
from vqedu.errors import InputError
from vqedu.widgets import animation


def pictures(frames=3, size=4):
    torch.manual_seed(0)
    return [plots.as_png(torch.rand(2, 1, size, size) * 2 - 1, zoom=2) for _ in range(frames)]


def images(page):
    """The still and the moving one."""
    found = re.findall(r'base64,([^"]+)"', page.data)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def pixels(image):
    return np.asarray(image.convert("L"))


def test_all_frames_in_order_again_and_again():
    given = pictures()
    still, moving = images(animation(given, "a", seconds=0.25))
    assert (moving.n_frames, moving.info["loop"]) == (3, 0)
    for i, picture in enumerate(given):
        moving.seek(i)
        assert moving.info["duration"] == 250
        np.testing.assert_array_equal(pixels(moving), pixels(Image.open(io.BytesIO(picture))))
    assert not getattr(still, "is_animated", False)
    np.testing.assert_array_equal(pixels(still), pixels(Image.open(io.BytesIO(given[0]))))


def test_the_still_one_is_for_those_who_want_less_motion():
    data = animation(pictures(), "x < y & z").data
    source, image = re.search(r"<picture>(<source[^>]*>)(<img[^>]*>)</picture>", data).groups()
    assert 'media="(prefers-reduced-motion: reduce)"' in source
    assert 'alt="x &lt; y &amp; z"' in image
    assert data.startswith("<details open>")  # what plays can be put away
    assert "<p>x &lt; y &amp; z</p>" in data


@pytest.mark.parametrize("given", [[], pictures(1, 4) + pictures(1, 5)])
def test_pictures_that_do_not_make_an_animation(given):
    with pytest.raises(InputError, match="at least one picture, and all of one size"):
        animation(given, "a")
