"""One walk for sampling, encoding and decoding, the same for both autoregressive priors."""

import itertools

import pytest
import torch
from torch import nn

from vqedu.errors import InputError
from vqedu.priors import GatedPixelCNN, Transformer, draw

K = 7


@pytest.fixture(params=["pixelcnn", "transformer"])
def prior(request):
    torch.manual_seed(0)
    if request.param == "pixelcnn":
        model = GatedPixelCNN(K, 2, (3, 4), width=16, layers=3, dropout=0.5)
    else:
        model = Transformer(K, 2, (3, 4), width=16, layers=2, heads=2, dropout=0.5)
    for p in model.parameters():
        nn.init.normal_(p, 0, 0.3)
    return model.train()


def test_positions_in_reading_order_with_logits_for_each_label(prior):
    seen = []

    def choose(at, logits):
        seen.append((at, tuple(logits.shape)))
        return torch.zeros(5, dtype=torch.int64)

    grid = prior.walk(torch.tensor([0, 1, 1, 0, 0]), choose)
    assert seen == [(at, (5, K)) for at in itertools.product(range(3), range(4))]
    assert grid.shape == (5, 3, 4)
    assert grid.dtype == torch.int64


def test_encoder_and_decoder_see_the_same_logits_bit_for_bit(prior):
    """What a codec needs: known tokens on the way in; on the way out only what was decoded."""
    labels, indices = torch.tensor([0, 1, 1]), torch.randint(K, (3, 3, 4))
    noted = []

    def encode(at, logits):
        noted.append(logits)
        return indices[:, at[0], at[1]]

    assert torch.equal(prior.walk(labels, encode), indices)
    code = iter((*pair,) for pair in zip(noted, indices.flatten(1).T, strict=True))

    def decode(at, logits):
        expected, tokens = next(code)
        assert torch.equal(logits, expected)
        return tokens

    assert torch.equal(prior.walk(labels, decode), indices)
    assert next(code, None) is None


def test_the_logits_are_those_of_forward(prior):
    labels, indices, noted = torch.tensor([1, 0]), torch.randint(K, (2, 3, 4)), []

    def choose(at, logits):
        noted.append(logits)
        return indices[:, at[0], at[1]]

    prior.walk(labels, choose)
    whole = prior.eval()(indices, labels).detach().flatten(2)
    torch.testing.assert_close(torch.stack(noted, 2), whole)


def test_sampling_is_a_walk(prior):
    labels = torch.tensor([0, 1])
    one, two = (torch.Generator().manual_seed(3) for _ in range(2))
    walked = prior.walk(labels, lambda at, logits: draw(logits, top_p=0.9, generator=one))
    assert torch.equal(prior.sample(labels, top_p=0.9, generator=two), walked)


def test_no_gradients_and_no_dropout_on_the_way_and_the_mode_comes_back(prior):
    def choose(at, logits):
        assert not prior.training
        assert not logits.requires_grad
        return logits.argmax(1)

    prior.walk(torch.tensor([0]), choose)
    assert prior.training
    with pytest.raises(ZeroDivisionError):
        prior.walk(torch.tensor([0]), lambda at, logits: 1 / 0)
    assert prior.training


def test_wrong_number_of_tokens(prior):
    with pytest.raises(InputError, match=r"tokens of shape \(2,\); got \(1,\)"):
        prior.walk(torch.tensor([0, 1]), lambda at, logits: torch.zeros(1, dtype=torch.int64))


def test_no_labels_no_grids(prior):
    assert prior.sample(torch.zeros(0, dtype=torch.int64)).shape == (0, 3, 4)


def test_pixelcnn_has_one_size():
    model = GatedPixelCNN(K, 2, (3, 4), width=8, layers=1)
    assert model.sample(torch.tensor([0]), size=(3, 4)).shape == (1, 3, 4)
    with pytest.raises(InputError, match=r"draws grids of 3×4 tokens only; got size=\(4, 4\)"):
        model.sample(torch.tensor([0]), size=(4, 4))
