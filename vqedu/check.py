"""Checks for the assignments: what a function must give, with a message that helps.

All raise ``AssertionError`` and nothing else, so that a message reaches the student whatever a
function returned. The names they compare with are those that this module saw when it was imported.
"""

import math
import numbers
from collections.abc import Callable

import torch
from torch import Tensor

_allclose, _isfinite = torch.allclose, torch.isfinite


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def tensor(what: str, got, shape: tuple[int, ...] | None = None, hint: str = "") -> None:
    """``got`` is a tensor, of this shape and without NaN.

    Args:
        what: its name, which begins the message.
        got: whatever a student's function returned.
        shape: None for any.
        hint: a question that ends the message: "did you ...?"
    """
    _require(got is not None, f"{what} is None: does your function end in `return`?{_end(hint)}")
    _require(
        isinstance(got, Tensor), f"{what} must be a tensor; got {type(got).__name__}.{_end(hint)}"
    )
    _require(not got.is_complex(), f"{what} must be real numbers.{_end(hint)}")
    if shape is not None:
        wrong = f"{what} must have the shape {tuple(shape)}; got {tuple(got.shape)}.{_end(hint)}"
        _require(tuple(got.shape) == tuple(shape), wrong)
    finite = not got.is_floating_point() or bool(_isfinite(got.detach()).all())
    _require(finite, f"{what} holds NaN or infinite values.{_end(hint)}")


def close(what: str, got, expected, hint: str = "", *, rtol: float = 1e-4, atol: float = 1e-5):
    """``got`` equals ``expected``: tensors of one shape, or numbers, up to rounding."""
    if isinstance(expected, Tensor):
        tensor(what, got, tuple(expected.shape), hint)
        a, b = got.detach().double().cpu(), expected.detach().double().cpu()
        worst = (a - b).abs().max().item() if a.numel() else 0.0
        message = f"{what} differs from what is right by up to {worst:.4g}.{_end(hint)}"
        _require(_allclose(a, b, rtol=rtol, atol=atol), message)
        return
    number(what, got, hint=hint)
    value = float(got.detach() if isinstance(got, Tensor) else got)
    message = f"{what} must be {float(expected):.6g}; got {value:.6g}.{_end(hint)}"
    _require(math.isclose(value, float(expected), rel_tol=rtol, abs_tol=atol), message)


def number(what: str, got, low: float = -math.inf, high: float = math.inf, hint: str = "") -> None:
    """``got`` is one finite number in [low, high], or a tensor of one."""
    single = isinstance(got, numbers.Real) or (isinstance(got, Tensor) and got.numel() == 1)
    _require(single, f"{what} must be a number; got {got!r}"[:300] + _end(hint))
    value = float(got.detach() if isinstance(got, Tensor) else got)
    _require(math.isfinite(value), f"{what} is {value}.{_end(hint)}")
    span = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
    _require(low <= value <= high, f"{what} must be {span}; got {value:.6g}.{_end(hint)}")


def equal(what: str, got, expected, hint: str = "") -> None:
    """``got`` is exactly ``expected``: indices, words, truth values, shapes."""
    if isinstance(expected, Tensor):
        tensor(what, got, tuple(expected.shape), hint)
        wrong = int((got.detach().cpu() != expected.cpu()).sum())
        _require(wrong == 0, f"{what}: {wrong} of {expected.numel()} values are wrong.{_end(hint)}")
        return
    try:
        same = not isinstance(got, Tensor) and bool(got == expected)
    except Exception:  # an array has no truth value
        same = False
    _require(same, f"{what} must be {expected!r}; got {got!r}."[:500] + _end(hint))


def gradient(what: str, got, hint: str = "") -> None:
    """``got``, a gradient, is there, finite and not zero."""
    _require(got is not None, f"there is no gradient at {what}.{_end(hint)}")
    tensor(f"the gradient at {what}", got, None, hint)
    _require(bool((got != 0).any()), f"the gradient at {what} is zero.{_end(hint)}")


def no_gradient(what: str, got, hint: str = "") -> None:
    """``got`` is None or zero."""
    there = got is not None and bool((got != 0).any())
    _require(not there, f"there must be no gradient at {what}.{_end(hint)}")


def raises(what: str, error: type[Exception], function: Callable, *args, hint: str = "", **options):
    """``function(*args)`` raises this error, and no other."""
    try:
        function(*args, **options)
    except error:
        return
    except Exception as other:
        found = f"{type(other).__name__}: {other}"
        wrong = f"{what} must raise {error.__name__}; got {found}"[:400]
        raise AssertionError(wrong + _end(hint)) from None
    raise AssertionError(f"{what} must raise {error.__name__}; nothing happened.{_end(hint)}")


def _end(hint: str) -> str:
    return f" {hint}" if hint else ""
