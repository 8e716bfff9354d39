"""The table in the package's docstring, worked out again from the classes."""

import math

import pytest
import torch

from vqedu import quantizers
from vqedu.quantizers import BY_NAME

K, D = 1024, 64


def rows():
    """name -> (class, parameters, bits, codes learn from, source), as written."""
    _, table, _ = quantizers.__doc__.split("\n\n", 2)
    rule = table.splitlines()[0]
    starts = [i for i in range(len(rule)) if rule[i] == "=" and (i == 0 or rule[i - 1] == " ")]
    ends = [*starts[1:], None]
    body = [line for line in table.splitlines() if not line.startswith(("=", "class"))]
    cells = [[line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in body]
    return {name: (cls, *rest) for cls, name, *rest in cells}


def moved_by(scalar, parameters):
    """Whether a gradient step on the scalar would move any of the parameters."""
    if not scalar.requires_grad or not parameters:
        return False
    gradients = torch.autograd.grad(scalar, parameters, allow_unused=True, retain_graph=True)
    return any(g is not None and g.abs().max() > 0 for g in gradients)


def what_trains(quantizer):
    """One training step without an optimiser: did the codes move by themselves? If not, which
    gradient comes to the parameters that make them?"""
    indices = torch.arange(quantizer.num_codes)
    if quantizer.steps_unused.ndim == 2:  # levels: the k-th sum takes the code k of each
        indices = indices[:, None].expand(-1, len(quantizer.steps_unused))
    before = quantizer.lookup(indices).detach().clone()
    q = quantizer(torch.randn(300, D))
    codes = quantizer.lookup(indices)
    weight = torch.randn(300, D)
    makers = [p for p in quantizer.parameters() if moved_by((codes * weight[:1]).sum(), [p])]
    found = {
        "moving averages": not torch.equal(codes, before),
        "codebook loss": moved_by(q.loss, makers),
        "reconstruction": moved_by((q.z_q * weight).sum(), makers),
    }
    return " and ".join(name for name, yes in found.items() if yes)


def test_the_table_has_a_row_for_each():
    assert list(rows()) == list(BY_NAME)
    assert [row[0] for row in rows().values()] == [cls.__name__ for cls in BY_NAME.values()]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_table_tells_the_truth(name):
    torch.manual_seed(0)
    _, parameters, bits, learn_from, source = rows()[name]
    quantizer = BY_NAME[name](K, D, kmeans_init=False, revive_after=0)
    assert int(parameters.replace(",", "")) == sum(p.numel() for p in quantizer.parameters())
    indices = quantizer(torch.randn(1, D, 3, 5)).indices
    assert float(bits) == indices.numel() / 15 * math.log2(quantizer.num_codes)
    fresh = BY_NAME[name](K, D, kmeans_init=False, revive_after=0)
    assert learn_from == what_trains(fresh)
    assert f"Source: {source}" in BY_NAME[name].__doc__


@pytest.mark.parametrize("name", ["fsq", "lfq"])
def test_codes_that_stand_still(name):
    """What the docstring says of them where they need no linear layer back."""
    width = {"fsq": 4, "lfq": 10}[name]
    assert not list(BY_NAME[name](K, width).parameters())
