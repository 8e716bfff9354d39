"""A network made smaller keeps what it should, and nothing else."""

import copy

import pytest
import torch
from torch import nn

from vqedu import smaller
from vqedu.errors import InputError


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 5, 3)).eval()


@pytest.fixture
def x():
    return torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))


def weights(net):
    return torch.cat([layer.weight.flatten() for layer in smaller.convolutions(net)])


def test_pruned_takes_the_smallest_of_all_layers(net):
    before, after = weights(net), weights(smaller.pruned(net, 0.4))
    gone = after == 0
    assert gone.sum() == round(0.4 * len(before))
    assert before[gone].abs().max() <= before[~gone].abs().min()
    assert torch.equal(after[~gone], before[~gone])
    assert (weights(net) != 0).all()  # the model itself stays as it was
    assert set(smaller.pruned(net, 0.4).state_dict()) == set(net.state_dict())


def test_narrow_cuts_what_counts_least(net, x):
    first, _, second = net
    with torch.no_grad():
        first.weight[[1, 6]] = 0
        first.bias[[1, 6]] = 0
    before = net(x)
    smaller.narrow(first, second, 6)
    assert (first.weight.shape, second.weight.shape) == ((6, 3, 3, 3), (5, 6, 3, 3))
    torch.testing.assert_close(net(x), before)  # dead channels cost nothing


def test_rounded_by_hand(net):
    small, layer = smaller.rounded(net, 3), net[0]
    step = layer.weight[2].abs().max() / 3
    expected = (layer.weight[2] / step).round() * step
    torch.testing.assert_close(small[0].weight[2], expected)
    assert torch.equal(small[0].bias, layer.bias)
    assert small.stored[0].dtype == torch.int8
    assert small.stored[0].abs().amax((1, 2, 3)).eq(3).all()
    torch.testing.assert_close(small.stored[0] * small.stored[1], small[0].weight)


def test_more_bits_are_nearer(net, x):
    far = [(smaller.rounded(net, bits)(x) - net(x)).abs().mean() for bits in (2, 4, 8)]
    assert far[0] > 2 * far[1] > 4 * far[2]


def test_kilobytes(net):
    size = smaller.kilobytes(net)
    assert 0.9 < size / (sum(p.numel() for p in net.parameters()) * 4 / 1000) < 1.1
    assert smaller.kilobytes(smaller.rounded(net, 8)) < 0.5 * size
    assert smaller.kilobytes(smaller.pruned(net, 0.9)) < 0.4 * size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: smaller.pruned(net, 1.0), r"share must lie in \[0, 1\); got 1.0"),
        (lambda net: smaller.rounded(net, 1), r"bits must lie in \[2, 8\]; got 1"),
        (lambda net: smaller.narrow(net[0], net[2], 9), "cannot keep 9 channels"),
        (lambda net: smaller.narrow(net[2], net[0], 2), "5 outputs and 3 inputs"),
    ],
)
def test_what_cannot_be(net, call, message):
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(InputError, match=message):
        call(net)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
