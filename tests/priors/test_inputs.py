"""What every prior takes for labels and indices, and what it refuses."""

import pytest
import torch
from torch import nn

from vqedu.errors import InputError
from vqedu.priors import GatedPixelCNN, MaskedTransformer, Transformer, bits

K = 200  # with the classes' symbols behind it, more than a uint8 can say


@pytest.fixture(params=[GatedPixelCNN, Transformer, MaskedTransformer])
def prior(request):
    torch.manual_seed(0)
    model = request.param(K, 80, (2, 4), width=8, layers=1)
    for p in model.parameters():
        nn.init.normal_(p, 0, 0.3)
    return model.eval()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_integers_of_any_width(prior, dtype):
    indices, labels = torch.randint(K, (2, 2, 4)), torch.tensor([3, 79])
    logits = prior(indices, labels)
    assert torch.equal(prior(indices.to(dtype), labels.to(dtype)), logits)
    if not isinstance(prior, MaskedTransformer):
        expected = bits(prior, indices, labels)
        assert torch.equal(bits(prior, indices.to(dtype), labels.to(dtype)), expected)


def test_labels_as_a_list(prior):
    def sampled(labels):
        return prior.sample(labels, generator=torch.Generator().manual_seed(0))

    expected = sampled(torch.tensor([3, 79]))
    for labels in ([3, 79], (3, 79), torch.tensor([3, 79], dtype=torch.uint8)):
        assert torch.equal(sampled(labels), expected)


@pytest.mark.parametrize("bad", [[0.0, 1.0], [True, False], [[0, 1]], 1])
def test_labels_that_are_none(prior, bad):
    with pytest.raises(InputError, match=r"expected integers of shape \(B,\); got torch\."):
        prior.sample(bad)


@pytest.mark.parametrize("bad", [["bag", "coat"], [[0], [0, 1]], None, [2**70]])
def test_labels_that_are_no_tensor(prior, bad):
    with pytest.raises(InputError, match="labels must be integers; got"):
        prior.sample(bad)


def test_indices_that_are_no_integers(prior):
    for dtype in (torch.float32, torch.bool):
        with pytest.raises(InputError, match=f"indices must be integers; got {dtype}"):
            prior(torch.zeros(1, 2, 4, dtype=dtype), torch.tensor([0]))
    with pytest.raises(InputError, match="expected integers"):
        prior(torch.zeros(1, 2, 4, dtype=torch.int64), torch.tensor([0.0]))
