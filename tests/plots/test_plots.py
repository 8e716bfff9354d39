"""Every figure: its panels, its titles, what is drawn, and that none stays open."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from vqedu import plots
from vqedu.metrics import code_usage
from vqedu.training import History


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def pictures(n=5, channels=1, size=8):
    return torch.rand(n, channels, size, size) * 2 - 1


def history(steps=40, **offsets):
    out = History()
    for step in range(1, steps + 1):
        out.add(step, {name: step + offset for name, offset in offsets.items()})
    return out


def shown(figure):
    """What each panel of a figure shows: its image as an array, or None."""
    return [np.asarray(a.images[0].get_array()) if a.images else None for a in figure.axes]


def test_as_picture():
    grey = torch.tensor([[[-1.0, 0.0], [1.0, 3.0]]])
    np.testing.assert_allclose(plots.as_picture(grey), [[0, 0.5], [1, 1]])
    colour = pictures(1, 3)[0].requires_grad_()
    picture = plots.as_picture(colour)
    assert picture.shape == (8, 8, 3)
    assert (picture.min() >= 0, picture.max() <= 1) == (True, True)
    np.testing.assert_allclose(picture[2, 5], (colour[:, 2, 5].detach().numpy() + 1) / 2, atol=1e-6)
    assert plots.as_picture(pictures(1)[0].bfloat16()).dtype == np.float32


def test_images():
    batch = pictures(5)
    figure = plots.images(batch, titles=["a", "b", "c", "d", "e"], columns=3)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 6
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "d", "e", ""]
    for i, picture in enumerate(shown(figure)[:5]):
        np.testing.assert_allclose(picture, plots.as_picture(batch[i]))
    assert shown(figure)[5] is None
    assert not figure.axes[5].axison
    assert figure.axes[0].images[0].get_clim() == (0, 1)  # black is -1, white is 1, always
    assert len(plots.images(pictures(10, 3)).axes) == 10


def test_rows():
    x, y = pictures(4), pictures(2, 3)
    figure = plots.rows({"image": x, "copy": y}, columns=3)
    assert len(figure.axes) == 6
    assert [axis.get_ylabel() for axis in figure.axes] == ["image", "", "", "copy", "", ""]
    np.testing.assert_allclose(shown(figure)[2], plots.as_picture(x[2]))
    np.testing.assert_allclose(shown(figure)[4], plots.as_picture(y[1]))
    assert shown(figure)[5] is None


def test_curves():
    named = {"EMA": history(psnr=0, my_term=5), "loss": history(psnr=100, my_term=0)}
    figure = plots.curves(named, ("psnr", "my_term"), smooth=4)
    assert [axis.get_title() for axis in figure.axes] == ["PSNR [dB]", "my term"]
    first, second = figure.axes[0].lines
    assert (first.get_label(), second.get_label()) == ("EMA", "loss")
    np.testing.assert_allclose(first.get_xdata()[[0, -1]], [4, 40])
    np.testing.assert_allclose(first.get_ydata()[[0, -1]], [2.5, 38.5])  # means of 4 steps
    np.testing.assert_allclose(second.get_ydata() - first.get_ydata(), 100)
    assert figure.axes[0].get_legend() is not None
    assert figure.axes[0].get_xlabel() == "step"


def test_curves_of_one_short_history():
    figure = plots.curves({"": history(2, loss=0)}, ("loss",))
    assert figure.axes[0].get_legend() is None
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [1, 2])


def test_live_curves(monkeypatch):
    class Handle:
        updates = 0

        def update(self, figure):
            assert isinstance(figure, Figure)
            self.updates += 1

    handle, first = Handle(), []

    def display(figure, display_id):
        assert display_id is True
        first.append(figure)
        return handle

    monkeypatch.setattr("vqedu.plots.charts.display", display)
    live, so_far = plots.LiveCurves("loss", "psnr", every=10), History()
    for step in range(1, 36):
        so_far.add(step, {"loss": 1 / step, "psnr": step})
        live(step, so_far)
        assert (len(first), handle.updates) == (min(step // 10, 1), max(step // 10 - 1, 0))
    assert len(first[0].axes) == 2


def test_usage():
    one, two = code_usage(torch.tensor([0, 0, 0, 1]), 4), code_usage(torch.arange(4), 4)
    figure = plots.usage({"collapsed": one, "healthy": two, "again": two})
    assert len(figure.axes) == 4
    assert figure.axes[0].get_title() == "collapsed: 50% used, perplexity 2"
    assert figure.axes[1].get_title() == "healthy: 100% used, perplexity 4"
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.75, 0.25, 0, 0]
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].lines[0].get_ydata()[0] == 0.25
    assert len(plots.usage({"only": one}).axes) == 1


def test_tokens():
    indices = torch.arange(6).view(2, 3) * 11
    figure = plots.tokens(pictures(1)[0], indices, pictures(1)[0])
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["image", "its 2×3 tokens", "decoded from the tokens"]
    written = {text.get_text(): text.get_position() for text in figure.axes[1].texts}
    assert written == {
        "0": (0, 0),
        "11": (1, 0),
        "22": (2, 0),
        "33": (0, 1),
        "44": (1, 1),
        "55": (2, 1),
    }


def test_lines():
    figure = plots.lines({"": {1: 4.0, 2: 6.0, 4: 5.0}}, "K", "error", mark={2: "here"})
    (axis,) = figure.axes
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[1, 4], [2, 6], [4, 5]])
    assert [(text.get_text(), text.xy) for text in axis.texts] == [("here", (2, 6.0))]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("K", "error")
    assert axis.get_legend() is None


@pytest.mark.parametrize(("end", "whole"), [(8, True), (8.5, False)])
def test_whole_numbers_have_whole_ticks(end, whole):
    (axis,) = plots.lines({"": {5: 1.0, end: 2.0}}, "frame", "error").axes
    assert all(float(tick).is_integer() for tick in axis.get_xticks()) is whole


def test_several_lines_differ_by_more_than_colour():
    series = {"a": {1: 1.0, 10: 2.0}, "b": {1: 3.0, 10: 4.0}}
    (axis,) = plots.lines(series, "x", "y", log="x", limit=(2.5, "bound"), points=False).axes
    one, two, bound = axis.lines
    assert one.get_linestyle() != two.get_linestyle()
    assert one.get_marker() == "None"
    assert list(bound.get_ydata()) == [2.5, 2.5]
    assert [text.get_text() for text in axis.texts] == ["bound"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "linear")


def test_grouped_bars():
    values = {"VAE": {"sharp": 0.4, "covers": 1.0}, "GAN": {"sharp": 0.9, "covers": 0.7}}
    (axis,) = plots.grouped_bars(values, "share").axes
    assert [bar.get_height() for bar in axis.patches] == [0.4, 0.9, 1.0, 0.7]
    middle = [bar.get_x() + bar.get_width() / 2 for bar in axis.patches]
    assert middle[0] < 0 < middle[2] < middle[1] < 1 < middle[3]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["VAE", "GAN"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["sharp", "covers"]


def test_straight_through():
    """Each gradient is drawn twice: at the code, and copied to the encoder's output."""
    z_e, codes = torch.tensor([[0.5, 0.1], [-0.4, 0.9]]), torch.tensor([[1.0, 0], [0, 1]])
    gradient = torch.tensor([[0.1, 0.2], [-0.3, 0.1]])
    (axis,) = plots.straight_through(z_e, codes, gradient).axes
    at_codes, at_outputs = (c for c in axis.collections if hasattr(c, "U"))
    np.testing.assert_allclose(at_codes.XY, codes)
    np.testing.assert_allclose(at_outputs.XY, z_e)
    for arrows in (at_codes, at_outputs):
        np.testing.assert_allclose(np.stack([arrows.U, arrows.V], 1), gradient)
    cells = np.asarray(axis.images[0].get_array())
    assert (cells[0, -1], cells[-1, 0]) == (0, 1)  # lower right and upper left
    assert len(axis.get_legend().get_texts()) == 2


def test_spotlight():
    image = pictures(1)[0]
    mask = torch.tensor([[True, False], [False, False]])
    lit = plots.spotlight(image, mask)
    assert torch.equal(lit[:, :4, :4], image[:, :4, :4])
    faded = lit[:, 4:]
    assert faded.abs().max() <= 0.3  # near mid-grey, so that black and white both stand out
    assert torch.equal(faded.flatten().argsort(), image[:, 4:].flatten().argsort())


def test_heat():
    grids = {"a": torch.rand(4, 6), "b": 3 * torch.ones(4, 6)}
    figure = plots.heat(grids, "change", mark=(1, 2, 4))
    assert [axis.get_title() for axis in figure.axes[:2]] == ["a", "b"]
    assert len(figure.axes) == 3  # and the colour bar
    assert figure.axes[2].get_ylabel() == "change"
    for axis in figure.axes[:2]:
        assert axis.images[0].get_clim() == (0, 3)  # one scale for all
        assert axis.patches[0].get_xy() == (1.5, 0.5)
    assert not plots.heat(grids, "change").axes[0].patches


def test_bars():
    (axis,) = plots.bars({"VQ": 3.5, "EMA": 2.25}, "bits", limit=(9.0, "log K")).axes
    assert [bar.get_height() for bar in axis.patches] == [3.5, 2.25]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["VQ", "EMA"]
    assert {text.get_text() for text in axis.texts} == {"3.50", "2.25", "log K"}
    assert axis.lines[0].get_ydata()[0] == 9
    assert not plots.bars({"VQ": 1.0}, "bits").axes[0].lines
