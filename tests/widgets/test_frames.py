"""What the slider moves over, what it is linked to, and that a page without a kernel has it all."""

import base64
import html
import io
import re

import ipywidgets as ipw
import numpy as np
import pytest
import torch
from ipywidgets import Widget
from ipywidgets.widgets.widget_link import Link
from PIL import Image

from vqedu.autoencoders import vqvae
from vqedu.errors import InputError
from vqedu.plots import as_picture
from vqedu.widgets import codebook_explorer, frames, token_editor


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(1)
    coarse = torch.rand(20, 1, 2, 3) * 2 - 1
    return torch.nn.functional.interpolate(coarse, scale_factor=4)  # (20, 1, 8, 12)


@pytest.fixture(scope="module")
def model(images):
    """Untrained, but with codes where its encoder's outputs are."""
    torch.manual_seed(0)
    model = vqvae(num_codes=16, code_dim=4, width=16)
    model(images)
    return model.eval()


@pytest.fixture
def made(monkeypatch):
    """Every widget made during a test."""
    widgets, init = [], Widget.__init__

    def record(self, *arguments, **options):
        widgets.append(self)
        init(self, *arguments, **options)

    monkeypatch.setattr(Widget, "__init__", record)
    return widgets


def picture(frame):
    """The pixels of a frame, 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png_of(frame))))


def png_of(frame):
    return base64.b64decode(re.search(r"base64,([^\"]+)\"", frame.value)[1])


def caption_of(frame):
    """The text under the picture; the picture's alt text is the same."""
    alt, text = re.fullmatch(r'<img src="[^"]+" alt="([^"]+)"><p>([^<]+)</p>', frame.value).groups()
    assert alt == text
    return html.unescape(text)


def check_slider(box, made, count, start=0):
    """One slider over all frames, linked in the browser; nothing that a static page lacks."""
    slider, stack = box.children
    assert isinstance(slider, ipw.IntSlider)
    assert isinstance(stack, ipw.Stack)
    assert (slider.min, slider.value, slider.max) == (0, start, count - 1)
    assert len(stack.children) == count
    assert stack.selected_index == start
    (link,) = [widget for widget in made if isinstance(widget, Link)]
    assert link.source == (slider, "value")
    assert link.target == (stack, "selected_index")
    assert not [widget for widget in made if isinstance(widget, ipw.Output)]
    assert slider.description
    for frame in stack.children:
        assert len(caption_of(frame)) >= 3
        assert Image.open(io.BytesIO(png_of(frame))).format == "PNG"
    return stack.children


def test_frames(made):
    png = io.BytesIO()
    Image.new("L", (2, 2)).save(png, "png")
    box = frames([png.getvalue()] * 3, ["one", "two", "three"], "which")
    children = check_slider(box, made, 3)
    assert [caption_of(frame) for frame in children] == ["one", "two", "three"]
    assert box.children[0].description == "which"
    with pytest.raises(ValueError, match="argument"):
        frames([png.getvalue()], ["one", "two"], "which")


def test_codebook_explorer(model, images, made):
    box = codebook_explorer(model, images, codes=3, examples=4)
    children = check_slider(box, made, 3)
    indices = model.encode(images).indices
    counts = indices.flatten().bincount(minlength=16)
    shares = []
    for frame in children:
        caption = caption_of(frame)
        code = int(re.match(r"code (\d+):", caption)[1])
        shares.append(counts[code].item())
        assert f"{shares[-1] / indices.numel():.1%} of all tokens" in caption
        assert picture(frame).shape == (8 * 3, 4 * 12 * 3)  # four examples, three times as large
        first = (indices == code).flatten(1).any(1).nonzero()[0, 0]
        expected = as_picture(images[first]) * 255
        mask = (indices[first] == code).repeat_interleave(4, 0).repeat_interleave(4, 1).numpy()
        small = picture(frame)[1::3, 1 : 12 * 3 : 3]
        np.testing.assert_allclose(small[mask], expected[mask], atol=0.51)  # lit: as it is
        dark = ((expected / 255 * 2 - 1) * 0.3 + 1) / 2 * 255
        np.testing.assert_allclose(small[~mask], dark[~mask], atol=0.51)
    used = counts[counts > 0].sort(descending=True).values
    middle = round((len(used) - 1) / 2)
    assert shares == used[[0, middle, -1]].tolist()


def test_codebook_explorer_shows_only_codes_that_occur(model, made):
    box = codebook_explorer(model, torch.zeros(2, 1, 8, 8), codes=16, examples=5)
    used = model.encode(torch.zeros(2, 1, 8, 8)).indices.unique().numel()
    assert used < 16
    for frame in check_slider(box, made, used):
        pixels = picture(frame)
        assert pixels.shape == (24, 5 * 24)
        assert (pixels[:, 2 * 24 :] == 255).all()  # two images hold it; the rest stays white


def test_token_editor(model, images, made):
    box = token_editor(model, images[0], code=5)
    menu, inner = box.children
    assert isinstance(menu, ipw.Dropdown)
    assert menu.value == 5
    assert list(menu.options) == list(range(16))
    indices = model.encode(images[:1]).indices
    assert indices.shape == (1, 2, 3)
    children = check_slider(inner, made, 6, start=3)
    check_edits(model, indices, 5, children)


def check_edits(model, indices, code, children):
    """Left the image as encoded, right with exactly one token changed, at the slider's place."""
    before = as_picture(model.decode_indices(indices)[0]) * 255
    for place, frame in enumerate(children):
        edited = indices.clone().flatten()
        old, edited[place] = edited[place].item(), code
        after = as_picture(model.decode_indices(edited.view_as(indices))[0]) * 255
        pixels = picture(frame)[2::5, 2::5]
        assert pixels.shape == (8, 24)
        np.testing.assert_allclose(pixels[:, :12], before, atol=0.51)
        np.testing.assert_allclose(pixels[:, 12:], after, atol=0.51)
        caption = caption_of(frame)
        assert f"row {place // 3}, column {place % 3}: code {old} → {code}." in caption


def test_menu_draws_the_frames_anew(model, images):
    box = token_editor(model, images[3], code=0)
    menu, inner = box.children
    indices = model.encode(images[3:4]).indices
    before = [png_of(frame) for frame in inner.children[1].children]
    menu.value = 9
    check_edits(model, indices, 9, inner.children[1].children)
    after = [png_of(frame) for frame in inner.children[1].children]
    assert before != after
    menu.value = 0
    assert [png_of(frame) for frame in inner.children[1].children] == before


def test_colour(made):
    model = vqvae(3, num_codes=4, code_dim=4, width=8, kmeans_init=False).eval()
    box = token_editor(model, torch.zeros(3, 8, 8), code=0)
    assert picture(check_slider(box.children[1], made, 4, start=2)[0]).shape == (40, 80, 3)


@pytest.mark.parametrize("codes", [0, 17])
def test_bad_number_of_codes(model, images, codes):
    with pytest.raises(InputError, match=rf"codes must lie in \[1, 16\]; got {codes}"):
        codebook_explorer(model, images, codes=codes)


@pytest.mark.parametrize("code", [-1, 16])
def test_bad_code(model, images, code):
    with pytest.raises(InputError, match=rf"code must lie in \[0, 16\); got {code}"):
        token_editor(model, images[0], code=code)
