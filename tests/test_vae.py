"""The VAE's two terms against torch.distributions, and its images."""

import copy
import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal, kl_divergence

from vqedu.autoencoders import GaussianPosterior, vae
from vqedu.checkpoints import load, save
from vqedu.errors import InputError

SMALL = {"size": 8, "latent_dim": 3, "width": 8}
both = pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def noise(*shape):
    return torch.randn(*shape, dtype=torch.float64)


# --- q(z|x) --------------------------------------------------------------------------------------


def test_kl():
    mean, log_variance = noise(4, 7), noise(4, 7)
    kl = GaussianPosterior(mean, log_variance).kl()
    q = Normal(mean, (log_variance / 2).exp())
    torch.testing.assert_close(kl, kl_divergence(q, Normal(0.0, 1.0)).sum(1))
    zero = torch.zeros(2, 5)
    assert torch.equal(GaussianPosterior(zero, zero).kl(), torch.zeros(2))


def test_kl_has_the_gradient_of_finite_differences():
    inputs = noise(2, 3).requires_grad_(), noise(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda m, v: GaussianPosterior(m, v).kl(), inputs)


def test_sample_is_reparametrised():
    def draw(mean, log_variance):
        torch.manual_seed(1)  # the same ε each time: only then is there a difference quotient
        return GaussianPosterior(mean, log_variance).sample()

    inputs = noise(2, 3).requires_grad_(), noise(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(draw, inputs)


def test_sample_has_mean_and_variance():
    mean, log_variance = torch.tensor([-3.0, 0.0, 2.0]), torch.tensor([-4.0, 0.0, 1.0])
    posterior = GaussianPosterior(mean.expand(40_000, 3), log_variance.expand(40_000, 3))
    z = posterior.sample()
    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(z.var(0).log(), log_variance, rtol=0, atol=0.05)


# --- p(x|z) --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variance", [0.03, 1.0, 7.0])
def test_gaussian_nll(variance):
    x, output = noise(3, 1, 8, 8), noise(3, 1, 8, 8)
    nll = vae(variance=variance, **SMALL).nll(x, output)
    expected = -Normal(output, math.sqrt(variance)).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(nll, expected.float())


def test_bernoulli_nll():
    model, output = vae(likelihood="bernoulli", **SMALL), 3 * noise(3, 1, 8, 8)
    black_and_white = torch.randint(0, 2, (3, 1, 8, 8)).double()
    nll = model.nll(2 * black_and_white - 1, output)
    expected = -Bernoulli(logits=output).log_prob(black_and_white).sum((1, 2, 3))
    torch.testing.assert_close(nll, expected.float())
    p, grey = output.sigmoid(), torch.rand(3, 1, 8, 8).double()
    expected = -(grey * p.log() + (1 - grey) * (1 - p).log()).sum((1, 2, 3))
    torch.testing.assert_close(model.nll(2 * grey - 1, output), expected.float())


@both
def test_nll_is_least_at_the_image_itself(likelihood):
    model, x = vae(likelihood=likelihood, **SMALL), 1.8 * torch.rand(1, 1, 8, 8) - 0.9
    best = x.clone() if likelihood == "gaussian" else ((x + 1) / 2).logit()
    best.requires_grad_()
    (gradient,) = torch.autograd.grad(model.nll(x, best).sum(), best)
    assert gradient.abs().max() < 1e-4
    assert (model.nll(x, best + 0.1) > model.nll(x, best)).all()


# --- the model -----------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.sampled_from([1, 3]),
    tokens=st.integers(1, 3),
    latent_dim=st.integers(1, 5),
    likelihood=st.sampled_from(["gaussian", "bernoulli"]),
    channels_last=st.booleans(),
    bf16=st.booleans(),
)
def test_shapes(batch, channels, tokens, latent_dim, likelihood, channels_last, bf16):
    size = 4 * tokens
    model = vae(channels, size=size, latent_dim=latent_dim, width=8, likelihood=likelihood)
    x = torch.rand(batch, channels, size, size) * 2 - 1
    layout = torch.channels_last if channels_last else torch.contiguous_format
    expected = model.encode(x)
    model, x = model.to(memory_format=layout), x.to(memory_format=layout)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        output, posterior = model(x)
        nll, kl = model.nll(x, output), posterior.kl()
    assert output.shape == x.shape
    assert posterior.mean.shape == posterior.log_variance.shape == (batch, latent_dim)
    assert nll.shape == kl.shape == (batch,)
    assert nll.dtype == kl.dtype == posterior.mean.dtype == torch.float32
    close = {"rtol": 0, "atol": 0.05 if bf16 else 1e-5}
    torch.testing.assert_close(posterior.mean, expected.mean, **close)
    torch.testing.assert_close(posterior.log_variance, expected.log_variance, **close)
    (nll + kl).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
    assert model.encoder[-1].weight.grad.abs().max() > 0


def test_forward_draws():
    model, x = vae(**SMALL), torch.rand(2, 1, 8, 8) * 2 - 1
    posterior = model.encode(x)
    torch.manual_seed(1)
    expected = model.decoder(posterior.sample())
    torch.manual_seed(1)
    output, again = model(x)
    assert torch.equal(output, expected)
    assert torch.equal(again.mean, posterior.mean)
    assert not torch.equal(model(x)[0], expected)  # another draw
    features = model.encoder(x)
    assert torch.equal(posterior.mean, features[:, :3])
    assert torch.equal(posterior.log_variance, features[:, 3:])


@both
def test_reconstruct_takes_the_mean_and_learns_nothing(likelihood):
    model, x = vae(likelihood=likelihood, **SMALL).train(), torch.rand(2, 1, 8, 8) * 2 - 1
    before = copy.deepcopy(model.state_dict())
    x_hat = model.reconstruct(x)
    output = model.decoder(model.encode(x).mean)
    images = output if likelihood == "gaussian" else 2 / (1 + (-output).exp()) - 1
    torch.testing.assert_close(x_hat, images.clamp(-1, 1))
    assert torch.equal(model.reconstruct(x), x_hat)
    assert model.training
    assert not x_hat.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@both
def test_sample(likelihood):
    model = vae(3, likelihood=likelihood, **SMALL).train()
    torch.nn.init.constant_(model.decoder[-1][-1].bias, 0.9)
    torch.nn.init.constant_(model.decoder[-1].last_layer, 1.0)
    one, two = (model.sample(4, torch.Generator().manual_seed(7)) for _ in range(2))
    assert one.shape == (4, 3, 8, 8)
    assert torch.equal(one, two)
    assert one.abs().max() <= 1
    assert model.training
    assert not one.requires_grad
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(7))
    output = model.decoder(z)
    images = output if likelihood == "gaussian" else 2 * output.sigmoid() - 1
    torch.testing.assert_close(one, images.clamp(-1, 1).detach())
    assert not torch.equal(model.sample(4), model.sample(4))


def test_learning_lowers_the_bound():
    """On images that are one of two, a few steps are enough to tell them apart."""
    model = vae(**SMALL)
    x = torch.cat([torch.full((8, 1, 8, 8), -0.8), torch.full((8, 1, 8, 8), 0.8)])
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    bounds = []
    for _ in range(40):
        output, posterior = model(x)
        bound = (model.nll(x, output) + posterior.kl()).mean()
        optimizer.zero_grad()
        bound.backward()
        optimizer.step()
        bounds.append(bound.item())
    assert bounds[-1] < 0.3 * bounds[0]
    assert posterior.kl().mean() > math.log(2)  # it takes a bit to say which


@both
def test_checkpoint(tmp_path, likelihood):
    model = vae(3, variance=0.2, likelihood=likelihood, **SMALL)
    assert model.config == json.loads(json.dumps(model.config))
    save(model, tmp_path / "vae.safetensors")
    other = load(tmp_path / "vae.safetensors")
    assert other.config == model.config
    x = torch.rand(2, 3, 8, 8) * 2 - 1
    assert torch.equal(other.reconstruct(x), model.reconstruct(x))
    assert torch.equal(other.nll(x, 0 * x), model.nll(x, 0 * x))


def test_the_defaults():
    model = vae()
    assert model.reconstruct(torch.zeros(1, 1, 28, 28)).shape == (1, 1, 28, 28)
    assert model.latent_dim == 32
    assert model.config["width"] == 64
    assert (model.likelihood, model.variance) == ("gaussian", 0.05)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 1, 12, 12), (2, 3, 8, 8), (1, 8, 8), (0, 1, 8, 8)])
def test_images_of_another_shape(shape):
    model = vae(**SMALL).train()
    with pytest.raises(InputError, match=r"needs images \(B, 1, 8, 8\); got \("):
        model(torch.zeros(*shape))
    with pytest.raises(InputError, match=r"needs images \(B, 1, 8, 8\)"):
        model.reconstruct(torch.zeros(*shape))
    assert model.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 30}, "size must be a multiple of 4.*got size=30"),
        ({"size": 0}, "size must be a multiple of 4.*got size=0"),
        ({"width": 10}, "width a multiple of 4.*width=10"),
        ({"width": 0}, "width a multiple of 4.*width=0"),
        ({"latent_dim": 0}, "latent_dim at least 1.*latent_dim=0"),
        ({"likelihood": "laplace"}, "'gaussian' or 'bernoulli'; got 'laplace'"),
        ({"variance": 0.0}, r"variance must be above 0 and finite; got 0\.0"),
        ({"variance": math.nan}, "variance must be above 0 and finite; got nan"),
        ({"variance": math.inf}, "variance must be above 0 and finite; got inf"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(InputError, match=message):
        vae(**options)


def test_sample_none():
    with pytest.raises(InputError, match="n must be at least 1; got 0"):
        vae(**SMALL).sample(0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_sample_with_a_generator_of_any_device(device):
    model = vae(**SMALL)
    one, two = (torch.Generator(device).manual_seed(7) for _ in range(2))
    near, far = model.sample(4, one), model.cuda().sample(4, two)
    assert far.is_cuda
    torch.testing.assert_close(far.cpu(), near, rtol=1e-3, atol=1e-3)
