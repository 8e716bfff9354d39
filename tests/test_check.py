"""The checks of the assignments: they accept what is right, and say what is wrong."""

import numpy as np
import pytest
import torch

from vqedu import check

GOOD = [
    lambda: check.tensor("z", torch.ones(2, 3), (2, 3)),
    lambda: check.tensor("k", torch.ones(2, dtype=torch.long)),
    lambda: check.close("z", torch.ones(3) + 1e-7, torch.ones(3)),
    lambda: check.close("loss", 0.5, 0.5),
    lambda: check.close("loss", torch.tensor(0.5), 0.5),
    lambda: check.number("λ", 3, 0, 4),
    lambda: check.number("λ", np.float32(3), 0, 4),
    lambda: check.number("λ", torch.tensor(3.0, requires_grad=True), 0, 4),
    lambda: check.close("loss", torch.tensor(3.0, requires_grad=True), 3.0),
    lambda: check.equal("indices", torch.tensor([1, 2]), torch.tensor([1, 2])),
    lambda: check.equal("the word", "mean", "mean"),
    lambda: check.gradient("z_e", torch.ones(2)),
    lambda: check.no_gradient("z_e", None),
    lambda: check.no_gradient("z_e", torch.zeros(2)),
    lambda: check.raises("int", ValueError, int, "x"),
]
BAD = [
    (lambda: check.tensor("z", None), "z is None: does your function end in `return`"),
    (lambda: check.tensor("z", 3), "z must be a tensor; got int"),
    (lambda: check.tensor("z", torch.ones(3, 2), (2, 3)), r"shape \(2, 3\); got \(3, 2\)"),
    (lambda: check.tensor("z", torch.tensor([torch.nan])), "NaN"),
    (lambda: check.close("z", torch.zeros(2), torch.ones(2), "did you?"), "up to 1. did you"),
    (lambda: check.close("z", torch.ones(1, 2), torch.ones(2)), "shape"),
    (lambda: check.close("loss", 0.4, 0.5), "loss must be 0.5; got 0.4"),
    (lambda: check.close("loss", None, 0.5), "must be a number; got None"),
    (lambda: check.number("λ", torch.tensor(5.0), 0, 4), "between 0 and 4; got 5"),
    (lambda: check.number("λ", float("nan")), "λ is nan"),
    (lambda: check.close("λ", float("nan"), 1.0, "0·log 0?"), "λ is nan. 0·log 0"),
    (lambda: check.number("λ", -1, 0), "at least 0"),
    (lambda: check.equal("k", torch.tensor([1, 3]), torch.tensor([1, 2])), "1 of 2 values"),
    (lambda: check.equal("the word", "sum", "mean"), "must be 'mean'; got 'sum'"),
    (lambda: check.equal("the word", torch.ones(2), "mean"), "must be 'mean'"),
    (lambda: check.equal("the order", np.array([1, 2]), [1, 2], "A list?"), "A list?"),
    (lambda: check.close("z", torch.ones(2) + 5j, torch.ones(2)), "real numbers"),
    (lambda: check.gradient("z_e", None), "no gradient at z_e"),
    (lambda: check.gradient("z_e", torch.zeros(2), "Cut by argmin?"), "is zero. Cut by argmin"),
    (lambda: check.no_gradient("z_e", torch.ones(2)), "must be no gradient at z_e"),
    (lambda: check.raises("int", ValueError, int, "3"), "nothing happened"),
    (lambda: check.raises("int", ValueError, int, [], hint="What is []?"), "got TypeError.*What"),
]


@pytest.mark.filterwarnings("error")  # nbgrader takes the points for a warning
@pytest.mark.parametrize("good", GOOD)
def test_what_is_right_passes(good):
    assert good() is None


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_what_is_wrong_is_named(bad, message):
    with pytest.raises(AssertionError, match=message):
        bad()


def test_a_replaced_function_does_not_help(monkeypatch):
    monkeypatch.setattr(torch, "allclose", lambda *a, **k: True)
    with pytest.raises(AssertionError, match="differs"):
        check.close("z", torch.zeros(2), torch.ones(2))
