"""What is minimised, against the formulas worked out here."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vqedu.adversarial import LOSSES, PatchDiscriminator
from vqedu.autoencoders import vae, vqvae
from vqedu.duel import WithGradient, gradient
from vqedu.errors import InputError
from vqedu.objectives import (
    ELBOObjective,
    GANObjective,
    MaskedPriorObjective,
    PriorObjective,
    VQGANObjective,
    VQVAEObjective,
)
from vqedu.priors import GatedPixelCNN, MaskedTransformer
from vqedu.training import fit

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


# --- VQGAN ----------------------------------------------------------------------------------------


class Edges(nn.Module):
    """A perceptual distance of its own kind: squared differences of neighbouring pixels."""

    def forward(self, x_hat, x):
        self.calls = getattr(self, "calls", 0) + 1
        d = x_hat - x
        return (d[..., 1:] - d[..., :-1]).square().flatten(1).mean(1)


def players(name="vq", **options):
    torch.manual_seed(1)
    model, discriminator = build(name), PatchDiscriminator(1, 8, 1)
    return model, VQGANObjective(Edges(), discriminator, **options)


@both
def test_without_its_two_terms_vqgan_is_vqvae_bit_for_bit(name, x):
    """The title's question, asked of the code: a whole training, every number of it."""
    data = [(x + 0.1 * i).clamp(-1, 1) for i in range(4)]
    settings = {"pixels": "squared", "data_variance": VARIANCE, "perceptual_weight": 0}
    objectives = (
        VQVAEObjective(VARIANCE),
        VQGANObjective(**settings, adversarial_weight=0),
        VQGANObjective(Edges(), PatchDiscriminator(1, 8, 1), **settings, adversarial_weight=0),
        VQGANObjective(None, None, pixels="squared", data_variance=VARIANCE),
    )
    outcomes = []
    for objective in objectives:
        torch.manual_seed(0)
        model = vqvae(num_codes=8, code_dim=4, width=32, quantizer=name, revive_after=2)
        history = fit(model, objective, torch.cat(data), steps=6, batch_size=8, progress=False)
        outcomes.append((history.terms, model.state_dict()))
    terms, state = outcomes[0]
    for other_terms, other_state in outcomes[1:]:
        assert other_terms == terms
        assert all(torch.equal(value, other_state[key]) for key, value in state.items())


@pytest.mark.parametrize("pixels", ["absolute", "squared"])
@pytest.mark.parametrize("loss", ["hinge", "non-saturating"])
def test_vqgan_equals_the_usual_way_to_write_it(pixels, loss, x):
    """Two further backward passes for λ, one more forward pass for the discriminator's turn."""
    model, objective = players(
        pixels=pixels, data_variance=VARIANCE, perceptual_weight=0.7, loss=loss
    )
    twin, twin_d = copy.deepcopy(model), copy.deepcopy(objective.discriminator)
    result = objective(model, x)
    result.total.backward(inputs=list(model.parameters()))
    result.critic.backward(inputs=list(objective.discriminator.parameters()))

    x_hat, q = twin(x)
    if pixels == "absolute":
        reconstruction = (x_hat - x).abs().mean()
    else:
        reconstruction = (x_hat - x).square().mean() / VARIANCE
    nll = reconstruction + 0.7 * Edges()(x_hat, x).mean()
    logits = twin_d(x_hat)
    g = -logits.mean() if loss == "hinge" else -F.logsigmoid(logits).mean()
    last = twin.decoder.last_layer
    norms = [torch.autograd.grad(v, last, retain_graph=True)[0].norm() for v in (nll, g)]
    weight = norms[0] / (norms[1] + 1e-4)
    (nll + 0.8 * weight.detach() * g + q.loss).backward()
    for (name, p), expected in zip(model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, expected.grad, rtol=1e-3, atol=1e-6, msg=name)
    assert result.terms["lambda"].item() == pytest.approx(weight.item(), rel=1e-5)
    total = nll + 0.8 * weight * g + q.loss
    torch.testing.assert_close(result.total.detach(), total.detach())

    twin_d.zero_grad()
    real, fake = twin_d(x), twin_d(x_hat.detach())
    if loss == "hinge":
        critic = 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())
    else:
        critic = -F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean()
    critic.backward()
    torch.testing.assert_close(result.critic, critic)
    for p, expected in zip(objective.discriminator.parameters(), twin_d.parameters(), strict=True):
        torch.testing.assert_close(p.grad, expected.grad, rtol=1e-3, atol=1e-6)


def test_each_network_is_traversed_once(x):
    model, objective = players()
    forwards, backwards = [], []
    objective.discriminator.register_forward_hook(lambda *_: forwards.append("D"))
    objective.discriminator.layers[0].register_full_backward_hook(lambda *_: backwards.append("D"))
    result = objective(model, x)
    result.total.backward()  # reaches the model alone, also where nobody says so
    assert forwards == ["D", "D"]  # real and fake
    assert objective.perceptual.calls == 1
    assert backwards == ["D"]
    assert all(p.grad is None for p in objective.discriminator.parameters())


def test_the_discriminator_warms_up_before_it_counts(x):
    model, objective = players(start=5, warmup=2)
    seen = {}
    for step in range(1, 8):
        objective.step = step
        result = objective(model, x)
        nll = result.terms["reconstruction"] + result.terms["perceptual"]
        base = nll + result.terms["commitment"] * 0.25 + result.terms["codebook"]
        counts = (result.total.detach() - base).abs() > 1e-6
        seen[step] = (result.critic is not None, bool(counts))
        assert math.isnan(result.terms["discriminator"]) == (step < 4)
    assert seen == {
        1: (False, False),
        2: (False, False),
        3: (False, False),
        4: (True, False),
        5: (True, False),
        6: (True, True),
        7: (True, True),
    }


def test_terms_have_the_same_names_in_every_step(x):
    model, objective = players(start=2, warmup=0)
    names = []
    for objective.step in (1, 2, 3):
        names.append(list(objective(model, x).terms))
    assert {frozenset(n) for n in names} == {frozenset(names[0])}
    assert {"loss", "reconstruction", "perceptual", "adversarial", "lambda"} < {*names[0]}


@pytest.mark.parametrize("penalty", ["r1", "lecam"])
def test_penalties_are_the_discriminators(penalty, x):
    model, objective = players()
    plain = objective(model, x)
    with_penalty = VQGANObjective(Edges(), objective.discriminator, **{penalty: 10.0})
    with_penalty.duel.averages.sums.copy_(torch.tensor([0.5, -0.5]))
    result = with_penalty(model, x)
    torch.testing.assert_close(result.total, plain.total)
    assert result.critic > plain.critic + 1e-4
    torch.testing.assert_close(result.terms["discriminator"], plain.terms["discriminator"])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_reduced_precision(dtype, x):
    model, objective = players()
    expected = objective(model, x)
    with torch.autocast("cpu", dtype):
        result = objective(model, x)
    result.total.backward(inputs=list(model.parameters()))
    assert result.terms["lambda"].item() == pytest.approx(expected.terms["lambda"].item(), rel=0.1)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_a_known_gradient():
    x = torch.randn(3, 2, requires_grad=True)
    known = torch.randn(3, 2)
    y = (2 * x).exp()
    value = WithGradient.apply(y, torch.tensor(5.0), known)
    assert value.item() == 5
    (3 * value).backward()
    torch.testing.assert_close(x.grad, 3 * known * 2 * y.detach())


def test_gradients_are_those_of_finite_differences():
    y = torch.rand(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)

    def loss(y):
        return (y.sin() ** 2).mean()

    found, step = gradient(loss(y), y), 1e-6
    for i in ((0, 0, 0, 0), (1, 0, 3, 2)):
        up, down = y.detach().clone(), y.detach().clone()
        up[i] += step
        down[i] -= step
        assert found[i].item() == pytest.approx(((loss(up) - loss(down)) / (2 * step)).item())


def test_small_gradients_survive_float16():
    """The gradient of a mean over many pixels lies below what float16 can hold, 6e-8."""

    def found(take):
        y = torch.randn(1, 1, 5000, 5000, requires_grad=True)
        return take(y.half().float().mean(), y)

    assert found(lambda value, y: torch.autograd.grad(value, y)[0]).abs().max() != 4e-8
    torch.testing.assert_close(
        found(gradient), torch.full((1, 1, 5000, 5000), 4e-8), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pixels": "cubed"}, "pixels must be 'absolute' or 'squared', not 'cubed'"),
        ({"perceptual_weight": -1}, "weights must be at least 0.*perceptual_weight=-1"),
        ({"adversarial_weight": -1}, "weights must be at least 0.*adversarial_weight=-1"),
        ({"warmup": 3}, r"warmup in \[0, start\].*warmup=3, start=0"),
        ({"loss": "hing"}, "no loss 'hing'.*did you mean 'hinge'"),
        ({"r1": -1.0}, "penalties must be at least 0; got r1=-1"),
        ({"data_variance": 0, "pixels": "squared"}, "data_variance must be above 0; got 0"),
    ],
)
def test_vqgan_bad_arguments(options, message):
    with pytest.raises(InputError, match=message):
        VQGANObjective(**options)


# --- GAN and ELBO ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hinge", "non-saturating", "least-squares"])
def test_gan_objective(name, x):
    """Both losses and their gradients, written out."""
    torch.manual_seed(2)
    generator, discriminator = Line2(), PatchDiscriminator(1, 8, 1)
    objective = GANObjective(discriminator, name)
    torch.manual_seed(5)
    result = objective(generator, (x, None))
    result.total.backward(inputs=list(generator.parameters()))
    result.critic.backward(inputs=list(discriminator.parameters()))
    found = [p.grad.clone() for p in (*generator.parameters(), *discriminator.parameters())]

    torch.manual_seed(5)
    for_discriminator, for_generator = LOSSES[name]
    fake = generator(torch.randn(len(x), generator.latent_dim))
    g = for_generator(discriminator(fake))
    critic = for_discriminator(discriminator(x), discriminator(fake.detach()))
    expected = [
        *torch.autograd.grad(g, [*generator.parameters()]),
        *torch.autograd.grad(critic, [*discriminator.parameters()]),
    ]
    torch.testing.assert_close(result.total.detach(), g.detach())
    torch.testing.assert_close(result.critic, critic)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)


class Line2(nn.Module):
    latent_dim = 3

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 64)

    def forward(self, z):
        return self.layer(z).tanh().view(-1, 1, 8, 8)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_elbo(likelihood, beta):
    torch.manual_seed(0)
    model, x = vae(1, size=8, latent_dim=3, width=32, likelihood=likelihood), torch.rand(5, 1, 8, 8)
    torch.manual_seed(1)
    loss = ELBOObjective(beta)(model, x)
    torch.manual_seed(1)
    output, posterior = model(x)
    q = torch.distributions.Normal(posterior.mean, (0.5 * posterior.log_variance).exp())
    prior = torch.distributions.Normal(torch.zeros(3), torch.ones(3))
    kl = torch.distributions.kl_divergence(q, prior).sum(1).mean()
    nll = model.nll(x, output).mean()
    torch.testing.assert_close(loss.total, nll + beta * kl)
    torch.testing.assert_close(loss.terms["elbo"], -(nll + kl).detach())
    assert not any(term.requires_grad for term in loss.terms.values())


def test_elbo_of_a_negative_beta():
    with pytest.raises(InputError, match="beta must be at least 0; got -1"):
        ELBOObjective(-1)


def test_masked_prior_objective():
    """The mean over the masked tokens alone, whichever were masked."""
    torch.manual_seed(0)
    prior = MaskedTransformer(8, 2, (3, 3), width=8, layers=1, heads=2).eval()
    indices, labels = torch.randint(8, (5, 3, 3)), torch.randint(2, (5,))
    torch.manual_seed(1)
    loss = MaskedPriorObjective()(prior, (indices, labels))
    torch.manual_seed(1)
    masked = prior.hide(indices)
    log_p = prior(masked, labels).log_softmax(1)
    costs = [
        -log_p[b, indices[b, i, j], i, j].item()
        for b, i, j in (masked == prior.mask).nonzero().tolist()
    ]
    assert 0 < len(costs) < indices.numel()
    mean = sum(costs) / len(costs)
    assert loss.total.item() == pytest.approx(mean, rel=1e-5)
    assert loss.terms["bits_per_masked_token"].item() == pytest.approx(mean / math.log(2), rel=1e-5)
