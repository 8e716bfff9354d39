"""Curves of derived functions: what is drawn, from tensors and from lists."""

import numpy as np
import pytest
import torch

from vqedu import plots


def test_functions():
    x = torch.linspace(-1, 1, 5, dtype=torch.float64)
    slope = (2 * x).requires_grad_()
    limit = (0.5, "top")
    (axis,) = plots.functions(x, {"x²": x**2, "2x": slope}, "x", "y [nats]", limit=limit).axes
    first, second, level = axis.lines
    np.testing.assert_allclose(first.get_xydata(), np.stack([x, x**2], 1))
    np.testing.assert_allclose(second.get_ydata(), 2 * x)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["x²", "2x"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("x", "y [nats]")
    assert level.get_ydata()[0] == 0.5
    assert first.get_marker() == "None"
    assert first.get_linestyle() != second.get_linestyle()  # told apart without colour


def test_functions_of_lists():
    (axis,) = plots.functions([1, 10], {"a": [0.1, 0.2]}, "K", "e", log="xy", points=True).axes
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[1, 0.1], [10, 0.2]])
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert axis.lines[0].get_marker() == "o"
    assert axis.get_legend() is None


def test_functions_of_another_length():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        plots.functions([1, 2, 3], {"a": [1, 2]}, "x", "y")
