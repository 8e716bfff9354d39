"""Clouds of points: all are drawn, where they are, told apart by shape as well as by colour."""

import numpy as np
import pytest
import torch

from vqedu import plots


@pytest.fixture
def figure():
    torch.manual_seed(0)
    near = torch.randn(30, 2, requires_grad=True)
    figure = plots.clouds({"near": near, "far": near + 5}, "first", "second")
    return figure, near.detach().numpy()


def test_every_point_is_drawn_at_its_place(figure):
    figure, near = figure
    first, second = figure.axes[0].collections
    np.testing.assert_allclose(first.get_offsets(), near, rtol=1e-6)
    np.testing.assert_allclose(second.get_offsets(), near + 5, rtol=1e-6)


def test_told_apart_by_colour_and_by_shape(figure):
    first, second = figure[0].axes[0].collections
    assert not np.allclose(first.get_facecolor()[:, :3], second.get_facecolor()[:, :3])
    assert len(first.get_paths()[0].vertices) != len(second.get_paths()[0].vertices)


def test_is_labelled(figure):
    (axis,) = figure[0].axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("first", "second")
    assert [t.get_text() for t in axis.get_legend().get_texts()] == ["near", "far"]
    assert all(handle.get_alpha() == 1 for handle in axis.get_legend().legend_handles)


@pytest.fixture
def table():
    named = {"real": torch.tensor([0.5, 0.3, 0.2]), "GAN": torch.tensor([0.996, 0.004, 0.0])}
    return plots.shares(named, ["shirt", "coat", "boot"]).axes[0]


def test_shares_are_written_in_per_cent_where_they_belong(table):
    written = {text.get_position(): text.get_text() for text in table.texts}
    assert written[(0, 0)] == "50 %"
    assert written[(2, 0)] == "20 %"
    assert written[(0, 1)] == "100 %"
    assert written[(2, 1)] == "0 %"
    assert len(written) == 6


def test_shares_darken_and_never_hide_what_is_written(table):
    (image,) = table.images
    np.testing.assert_allclose(image.get_array()[0], [50, 30, 20], rtol=1e-6)
    darkest = image.cmap(image.norm(99.6))
    assert min(darkest[:3]) > 0.4  # black text stays readable on it


def test_shares_name_rows_and_columns(table):
    assert [t.get_text() for t in table.get_xticklabels()] == ["shirt", "coat", "boot"]
    assert [t.get_text() for t in table.get_yticklabels()] == ["real", "GAN"]
