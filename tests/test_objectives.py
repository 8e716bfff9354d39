"""What is minimised, against the formulas worked out here."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vqedu.autoencoders import vqvae
from vqedu.errors import InputError
from vqedu.objectives import PriorObjective, VQVAEObjective
from vqedu.priors import GatedPixelCNN

both = pytest.mark.parametrize("name", ["vq", "ema"])
VARIANCE = 0.3


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.rand(4, 1, 8, 8) * 2 - 1


def build(name, **options):
    options = {"kmeans_init": False, "revive_after": 0} | options
    model = vqvae(num_codes=8, code_dim=4, width=32, quantizer=name, **options)
    model.quantizer.codebook.data.normal_(0, 0.1)
    return model


@both
def test_vqvae_objective_is_equation_3(name, x):
    model = build(name, beta=0.4)
    codebook = model.quantizer.codebook.detach().clone()
    loss = VQVAEObjective(VARIANCE)(model, x)

    with torch.no_grad():
        z_e = model.encoder(x)
        vectors = z_e.permute(0, 2, 3, 1).reshape(-1, 4)
        e = codebook[torch.cdist(vectors, codebook).argmin(1)]
        z_q = e.view(4, 2, 2, 4).permute(0, 3, 1, 2)
        squared_error = (model.decoder(z_q) - x).square().mean()
        distance = (vectors - e).square().mean()
    factor = 1 + 0.4 if name == "vq" else 0.4  # beside the gradient, averages move the codebook
    close = {"rtol": 1e-4, "atol": 1e-6}
    torch.testing.assert_close(
        loss.total.detach(), squared_error / VARIANCE + factor * distance, **close
    )
    torch.testing.assert_close(loss.terms["loss"], loss.total.detach())
    torch.testing.assert_close(loss.terms["reconstruction"], squared_error / VARIANCE, **close)
    torch.testing.assert_close(loss.terms["codebook"], distance, **close)
    torch.testing.assert_close(loss.terms["commitment"], distance, **close)
    errors = (model.decoder(z_q) - x).square().mean((1, 2, 3)).tolist()
    psnr = sum(20 * math.log10(2 / math.sqrt(error)) for error in errors) / len(errors)
    assert loss.terms["psnr"].item() == pytest.approx(psnr, abs=1e-3)
    used = torch.cdist(vectors, codebook).argmin(1).unique().numel()
    assert loss.terms["codes_used"] == used / len(codebook)


@both
def test_every_parameter_gets_a_gradient(name, x):
    model = build(name)
    VQVAEObjective(VARIANCE)(model, x).total.backward()
    names = [key for key, _ in model.named_parameters()]
    assert ("quantizer.codebook" in names) == (name == "vq")
    for key, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 0, key


def test_terms_hold_no_graph(x):
    for value in VQVAEObjective(VARIANCE)(build("vq"), x).terms.values():
        assert not torch.is_tensor(value) or not value.requires_grad


def test_labels_are_not_used(x):
    model, objective = build("vq").eval(), VQVAEObjective(VARIANCE)
    plain = objective(model, x).total
    for batch in ((x, torch.zeros(4)), [x, torch.arange(4)]):
        assert torch.equal(objective(model, batch).total, plain)


def test_a_constant_image_scores_one():
    """Divided by the variance, "predict the mean" costs 1 on any data set."""

    class Mean(nn.Module):
        quantizer = build("ema").quantizer

        def forward(self, x):
            return x.mean().expand_as(x), self.quantizer(torch.zeros(1, 4))

    x = 0.1 * torch.randn(8, 1, 8, 8) + 0.4
    variance = x.var(correction=0).item()
    terms = VQVAEObjective(variance)(Mean(), x).terms
    assert terms["reconstruction"].item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("variance", [0, -1.0, math.nan])
def test_bad_variance(variance):
    with pytest.raises(InputError, match="data_variance must be above 0"):
        VQVAEObjective(variance)


def test_prior_objective_is_the_cross_entropy():
    torch.manual_seed(0)
    model = GatedPixelCNN(7, 2, (3, 2), width=8, layers=2).eval()
    indices, labels = torch.randint(7, (5, 3, 2)), torch.tensor([0, 1, 0, 1, 1])
    loss = PriorObjective()(model, (indices, labels))
    probability = model(indices, labels).softmax(1).detach()
    nats = [
        -math.log(probability[b, indices[b, i, j], i, j])
        for b in range(5)
        for i in range(3)
        for j in range(2)
    ]
    by_hand = sum(nats) / len(nats)
    assert loss.total.item() == pytest.approx(by_hand, rel=1e-5)
    assert loss.terms["loss"].item() == pytest.approx(by_hand, rel=1e-5)
    assert loss.terms["bits_per_token"].item() == pytest.approx(by_hand / math.log(2), rel=1e-5)
    flat = F.cross_entropy(
        model(indices, labels).permute(0, 2, 3, 1).reshape(-1, 7), indices.flatten()
    )
    torch.testing.assert_close(loss.total, flat)
    loss.total.backward()
    for key, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 0, key


def test_knowing_nothing_costs_log2_k_bits():
    model = GatedPixelCNN(16, 1, (2, 2), width=4, layers=1)
    nn.init.zeros_(model.head[1].weight)
    nn.init.zeros_(model.head[1].bias)
    batch = torch.randint(16, (3, 2, 2)), torch.zeros(3, dtype=torch.int64)
    assert PriorObjective()(model, batch).terms["bits_per_token"].item() == pytest.approx(4)
