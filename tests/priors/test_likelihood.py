"""Bits of a grid, against the product of its probabilities."""

import math

import pytest
import torch
from torch import nn

from vqedu.errors import InputError
from vqedu.priors import (
    GatedPixelCNN,
    MaskedTransformer,
    Transformer,
    bits,
    bits_per_dimension,
    bits_per_token,
)

K = 5


@pytest.fixture(params=[GatedPixelCNN, Transformer])
def prior(request):
    torch.manual_seed(0)
    model = request.param(K, 2, (2, 3), width=8, layers=2).double()
    for p in model.parameters():
        nn.init.normal_(p, 0, 0.3)
    return model.train()


def test_sum_of_the_logarithms_by_hand(prior):
    indices, labels = torch.randint(K, (4, 2, 3)), torch.tensor([0, 1, 1, 0])
    cost = bits(prior, indices, labels)
    assert cost.shape == (4,)
    assert prior.training
    with torch.no_grad():
        p = prior.eval()(indices, labels).softmax(1)
    for b in range(4):
        total = 0.0
        for i in range(2):
            for j in range(3):
                total -= math.log2(p[b, indices[b, i, j], i, j])
        assert cost[b].item() == pytest.approx(total, rel=1e-12)
    assert bits_per_token(prior, indices, labels) == pytest.approx(cost.mean().item() / 6)
    per_dimension = bits_per_dimension(prior, indices, labels, (3, 4, 6))
    assert per_dimension == pytest.approx(cost.mean().item() / 72)


def test_all_grids_together_have_probability_one():
    torch.manual_seed(0)
    model = Transformer(3, 2, (2, 2), width=8, layers=2, heads=2)
    grids = torch.cartesian_prod(*[torch.arange(3)] * 4).view(-1, 2, 2)
    for y in (0, 1):
        cost = bits(model, grids, torch.full((81,), y))
        assert cost.dtype == torch.float64  # though the model's is float32
        assert (-cost).exp2().sum().item() == pytest.approx(1, abs=1e-6)


def test_a_prior_that_knows_nothing(prior):
    for p in prior.parameters():
        nn.init.zeros_(p)
    indices = torch.randint(K, (3, 2, 3))
    value = bits_per_token(prior, indices, torch.zeros(3, dtype=torch.int64))
    assert value == pytest.approx(math.log2(K), abs=1e-12)


def test_in_batches(prior):
    indices, labels = torch.randint(K, (7, 2, 3)), torch.tensor([0, 1, 1, 0, 0, 1, 0])
    sizes = []
    prior.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    torch.testing.assert_close(
        bits(prior, indices, labels, batch_size=3), bits(prior, indices, labels)
    )
    assert sizes == [3, 3, 1, 7]


def test_what_has_no_likelihood():
    model = MaskedTransformer(K, 2, (2, 3), width=8, layers=1, heads=2)
    with pytest.raises(InputError, match="is counted in bits, not MaskedTransformer"):
        bits(model, torch.zeros(1, 2, 3, dtype=torch.int64), torch.tensor([0]))


def test_inputs_are_checked(prior):
    indices = torch.zeros(2, 2, 3, dtype=torch.int64)
    with pytest.raises(InputError, match=r"one label per grid: expected shape \(2,\); got \(3,\)"):
        bits(prior, indices, torch.zeros(3, dtype=torch.int64))
    with pytest.raises(InputError, match=r"indices must lie in \[0, 5\)"):
        bits(prior, indices + K, torch.tensor([0, 1]))
