"""Staircases and cells: where the steps lie, who belongs to whom, and what is written."""

import numpy as np
import torch

from vqedu import plots


def line(axis, label):
    (found,) = [one for one in axis.lines if one.get_label() == label]
    return found


def test_staircase():
    levels = torch.tensor([[1.0], [-2.0], [0.0]])  # in any order, as (K, 1) or (K,)
    figure = plots.staircase({"a": levels, "b": torch.tensor([-1.0, 3.0])})
    left, right = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    x, y = line(left, "Q(x)").get_data()
    expected = levels[(torch.tensor(x)[:, None] - levels.T).abs().argmin(1), 0]
    off_border = (np.abs(x + 1) > 0.02) & (np.abs(x - 0.5) > 0.02)
    np.testing.assert_allclose(y[off_border], expected[off_border])
    np.testing.assert_allclose(left.get_xticks(), [-1, 0.5])
    np.testing.assert_allclose(right.get_xticks(), [1])
    np.testing.assert_allclose(line(left, "levels").get_xydata(), [[-2, -2], [0, 0], [1, 1]])
    assert left.get_ylabel() == "Q(x)"
    names = {text.get_text() for text in left.get_legend().get_texts()}
    assert names == {"density of x", "x itself", "Q(x)", "levels"}


def test_cells_joins_every_point_to_its_nearest_code():
    points = torch.tensor([[0.0, 0.0], [0.2, 0.0], [1.0, 1.0]])
    codes = torch.tensor([[0.1, 0.1], [0.9, 0.9]])
    figure = plots.cells(points, {"start": codes, "end": codes + 0.01})
    assert [axis.get_title() for axis in figure.axes] == ["start", "end"]
    axis = figure.axes[0]
    joined = {tuple(map(tuple, one.get_xydata().round(2))) for one in axis.lines}
    for point, code in zip(points.tolist(), codes[[0, 0, 1]].tolist(), strict=True):
        ends = tuple(tuple(np.float64(v).round(2) for v in np.float32(p)) for p in (point, code))
        assert ends in joined
    written = {text.get_text(): text.get_position() for text in axis.texts}
    assert set(written) == {"1", "2"}
    np.testing.assert_allclose(written["2"], codes[1])
    marks = [(one.get_color(), one.get_marker()) for one in axis.lines if one.get_markersize() == 6]
    shown = [mark for mark in marks if mark[1] != "None"]
    assert len({colour for colour, _ in shown}) == len({marker for _, marker in shown}) == 2
    assert axis.get_aspect() == 1
    assert axis.collections  # the borders


def test_cells_without_lines_draws_dots():
    codes = torch.rand(16, 2)
    (axis,) = plots.cells(torch.rand(50, 2), {"": codes}, lines=False).axes
    assert not axis.texts
    assert max(len(one.get_xdata()) for one in axis.lines) < 50
    np.testing.assert_allclose(axis.lines[-1].get_xydata(), codes)  # the codes lie on top
    points = sum(len(one.get_xdata()) for one in axis.lines[:-1])
    assert points == 50


def test_cells_with_a_code_that_nobody_chooses(tmp_path):
    codes = torch.tensor([[0.0, 0.0], [9.0, 9.0]])
    figure = plots.cells(torch.rand(5, 2), {"": codes})
    assert figure.axes[0].get_xlim()[1] > 9  # it is in the picture all the same
    figure.savefig(tmp_path / "cells.png", dpi=40)
    plots.staircase({"one level": torch.tensor([0.0])}).savefig(tmp_path / "stairs.png", dpi=40)
    assert (tmp_path / "cells.png").stat().st_size > 500


def test_by_codes():
    names = [f"quantiser {i}" for i in range(7)]
    share = {name: {1024: 0.5, 64: 1.0 - 0.1 * i} for i, name in enumerate(names)}
    share[names[0]] = {64: 0.3}  # one that was not tried with more
    left, right = plots.by_codes({"share": share, "PSNR [dB]": share}).axes
    assert [axis.get_ylabel() for axis in (left, right)] == ["share", "PSNR [dB]"]
    for axis in (left, right):
        assert [text.get_text() for text in axis.get_xticklabels()] == ["64", "1,024"]
        assert axis.get_xscale() == "log"
    np.testing.assert_allclose(line(left, names[2]).get_xydata(), [[64, 0.8], [1024, 0.5]])
    np.testing.assert_allclose(line(left, names[0]).get_xydata(), [[64, 0.3]])
    looks = {(one.get_color(), one.get_marker(), one.get_linestyle()) for one in left.lines}
    assert len(looks) == len(names)  # told apart
    assert left.get_legend() is None
    assert [text.get_text() for text in right.get_legend().get_texts()] == names
