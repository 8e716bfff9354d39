"""Generator, discriminator, losses, penalties and λ: against formulas, counts and the long way."""

import itertools
import math

import pytest
import torch
from torch import nn

from vqedu.adversarial import (
    LOSSES,
    Generator,
    LeCam,
    PatchDiscriminator,
    adaptive_weight,
    r1_penalty,
)
from vqedu.checkpoints import load, save
from vqedu.errors import InputError


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def parameters(model):
    return sum(p.numel() for p in model.parameters())


# --- generator ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "channels", "base"), [(28, 1, 7), (32, 3, 4), (56, 1, 7), (64, 3, 4), (96, 1, 6)]
)
def test_generator_shapes(size, channels, base):
    model = Generator(channels, size=size, latent_dim=5, width=4)
    images = model(torch.randn(3, 5))
    assert images.shape == (3, channels, size, size)
    assert images.abs().max() < 1
    maps = [layer for layer in model.layers if isinstance(layer, nn.Unflatten)]
    assert maps[0].unflattened_size[1:] == (base, base)


def test_generator_covers_the_range():
    model = Generator(width=8)
    model.layers[-2].weight.data.mul_(1e3)
    images = model(model.noise(4))
    assert images.min() < -0.99
    assert images.max() > 0.99


def test_generator_normalises_inside_and_not_at_the_output():
    kinds = [type(layer).__name__ for layer in Generator(size=32, width=4).layers]
    inside = ["BatchNorm2d", "ReLU", "ConvTranspose2d"]
    assert kinds == ["Linear", "Unflatten", *inside, *inside, *inside, "Tanh"]
    assert parameters(Generator()) == 64 * 128 * 49 + 128 * 64 * 16 + 64 * 16 + 1 + 2 * 128 + 2 * 64


def test_sampling_is_seeded_and_leaves_the_model_as_it_was():
    model = Generator(latent_dim=6, width=4).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    one, two = (model.sample(3, torch.Generator().manual_seed(s)) for s in (1, 1))
    other = model.sample(3, torch.Generator().manual_seed(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert not one.requires_grad
    assert one.shape == (3, 1, 28, 28)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not torch.equal(model.sample(2), model.sample(2))  # unseeded
    z = model.noise(4000)
    assert z.shape == (4000, 6)
    assert abs(z.mean()) < 0.05
    assert z.std() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    "options", [{"size": 30}, {"size": 0}, {"width": 0}, {"out_channels": 0}, {"latent_dim": 0}]
)
def test_bad_generator(options):
    with pytest.raises(InputError, match="size must be a multiple of 28 or 32"):
        Generator(**options)


def test_bad_noise():
    model = Generator(latent_dim=6, width=4)
    for shape in [(2, 5), (6,), (2, 6, 1), (0, 6)]:
        with pytest.raises(InputError, match=r"z must be \(B, 6\)"):
            model(torch.zeros(shape))
    with pytest.raises(InputError, match="n must be >= 1; got 0"):
        model.sample(0)


# --- discriminator ------------------------------------------------------------------------------


def test_the_published_discriminator():
    model = PatchDiscriminator()
    assert parameters(model) == 2_765_633  # the 2.77 M of the published one
    convs = [layer for layer in model.layers if isinstance(layer, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [64, 128, 256, 512, 1]
    assert [c.stride[0] for c in convs] == [2, 2, 2, 1, 1]
    assert {c.kernel_size for c in convs} == {(4, 4)}
    assert {c.padding for c in convs} == {(1, 1)}
    norms = [layer for layer in model.layers if isinstance(layer, nn.BatchNorm2d)]
    assert [n.num_features for n in norms] == [128, 256, 512]
    assert {a.negative_slope for a in model.layers if isinstance(a, nn.LeakyReLU)} == {0.2}
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


def test_a_logit_sees_70_pixels():
    model = PatchDiscriminator(1, width=2).eval()
    x = torch.randn(1, 1, 256, 256, requires_grad=True)
    model(x)[0, 0, 15, 15].backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert len(rows) == 70
    assert rows.max() - rows.min() == 69


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_smallest_image(layers):
    model = PatchDiscriminator(1, width=2, layers=layers)
    side = model.smallest
    assert model(torch.randn(2, 1, side, side)).shape == (2, 1, 1, 1)
    assert model(torch.randn(2, 1, side, 3 * side)).shape[-1] > 1
    for small in (torch.zeros(2, 1, side - 1, side), torch.zeros(2, 1, side, side - 1)):
        with pytest.raises(InputError, match=f"at least {side}×{side}.*fewer layers"):
            model(small)


def test_widths_stop_at_eightfold():
    model = PatchDiscriminator(1, width=2, layers=5)
    convs = [layer for layer in model.layers if isinstance(layer, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [2, 4, 8, 16, 16, 16, 1]


def test_first_weights():
    for model in (PatchDiscriminator(), Generator(3, size=32)):
        for layer in model.modules():
            if not hasattr(layer, "weight"):
                continue
            is_norm = isinstance(layer, nn.BatchNorm2d)
            assert layer.weight.mean().item() == pytest.approx(float(is_norm), abs=0.006)
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.3)
            assert not is_norm or not layer.bias.any()


@pytest.mark.parametrize("options", [{"in_channels": 0}, {"width": 0}, {"layers": 0}])
def test_bad_discriminator(options):
    with pytest.raises(InputError, match="must be >= 1"):
        PatchDiscriminator(**options)


@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (3, 32, 32), (0, 3, 32, 32)])
def test_images_of_another_kind(shape):
    with pytest.raises(InputError, match=r"takes images \(B, 3, H, W\)"):
        PatchDiscriminator(width=2)(torch.zeros(shape))


def test_round_trip_through_files(tmp_path):
    generator = Generator(3, size=32, latent_dim=5, width=4)
    generator(torch.randn(8, 5))  # moves BatchNorm's averages
    discriminator = PatchDiscriminator(1, width=3, layers=2)
    z, x = torch.randn(2, 5), torch.randn(2, 1, 28, 28)
    for model, argument in ((generator, z), (discriminator, x)):
        save(model, tmp_path / "m.safetensors")
        other = load(tmp_path / "m.safetensors")
        assert type(other) is type(model)
        assert torch.equal(other(argument), model.eval()(argument))


# --- losses -------------------------------------------------------------------------------------


def by_hand(name, real, fake):
    """(discriminator's loss, generator's loss) of lists of logits, in plain Python."""

    def mean(values):
        return math.fsum(values) / len(values)

    def sigmoid(v):
        return 1 / (1 + math.exp(-v))

    if name == "hinge":
        d = (mean([max(0, 1 - r) for r in real]) + mean([max(0, 1 + f) for f in fake])) / 2
        return d, -mean(fake)
    if name == "non-saturating":
        d = -mean([math.log(sigmoid(r)) for r in real])
        d -= mean([math.log(1 - sigmoid(f)) for f in fake])
        return d, -mean([math.log(sigmoid(f)) for f in fake])
    d = (mean([(r - 1) ** 2 for r in real]) + mean([f**2 for f in fake])) / 2
    return d, mean([(f - 1) ** 2 for f in fake]) / 2


@pytest.mark.parametrize("name", LOSSES)
def test_losses_by_hand(name):
    real, fake = torch.randn(2, 1, 3, 3) * 2, torch.randn(4, 1, 3, 3) * 2
    d, g = LOSSES[name]
    expected = by_hand(name, real.flatten().tolist(), fake.flatten().tolist())
    assert d(real, fake).item() == pytest.approx(expected[0], rel=1e-5)
    assert g(fake).item() == pytest.approx(expected[1], rel=1e-5)
    assert d(real, fake).shape == g(fake).shape == ()


@pytest.mark.parametrize("name", LOSSES)
def test_losses_pull_the_right_way(name):
    """The discriminator raises real and lowers fake logits, the generator raises fake ones."""
    d, g = LOSSES[name]
    real, fake = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    to_real, to_fake = torch.autograd.grad(d(real, fake) + 0 * (real + fake).sum(), [real, fake])
    assert (to_real < 0).all()
    if name == "least-squares":  # a logit of 0 is where it wants fake ones
        (to_fake,) = torch.autograd.grad(d(real, fake + 1), fake)
    assert (to_fake > 0).all()
    assert (torch.autograd.grad(g(fake), fake)[0] < 0).all()


def test_hinge_forgives_beyond_the_margin():
    d, _ = LOSSES["hinge"]
    assert d(torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -9.0])) == 0
    assert d(torch.tensor([0.0]), torch.tensor([0.0])) == 1


def test_non_saturating_is_stable_and_does_not_saturate():
    d, g = LOSSES["non-saturating"]
    sure = torch.tensor([200.0], requires_grad=True)
    assert d(-sure, sure).item() == pytest.approx(400)
    assert d(sure, -sure).item() == pytest.approx(0)
    assert g(-sure).item() == pytest.approx(200)
    assert torch.autograd.grad(g(-sure), sure)[0].item() == pytest.approx(1)
    assert d(torch.zeros(2), torch.zeros(2)).item() == pytest.approx(2 * math.log(2))


# --- penalties ----------------------------------------------------------------------------------


def test_r1_of_a_known_function():
    """D(x) = w·x: the gradient is w at every image, so the penalty is ‖w‖²/2."""
    w = torch.randn(3 * 4 * 4, requires_grad=True)
    penalty = r1_penalty(lambda x: x.flatten(1) @ w[:, None], torch.randn(5, 3, 4, 4))
    torch.testing.assert_close(penalty, w.square().sum() / 2)
    penalty.backward()
    torch.testing.assert_close(w.grad, w.detach())


def test_r1_takes_the_mean_over_images_and_over_logits():
    x = torch.randn(5, 1, 4, 4)
    squares = (2 * x).square().flatten(1).sum(1)  # of D(x) = ‖x‖², one by one
    energy = lambda x: x.square().flatten(1).sum(1, keepdim=True)  # noqa: E731
    torch.testing.assert_close(r1_penalty(energy, x), squares.mean() / 2)
    twice = lambda x: energy(x).expand(-1, 7).view(-1, 1, 1, 7)  # noqa: E731
    torch.testing.assert_close(r1_penalty(twice, x), squares.mean() / 2)


def test_r1_flattens_a_discriminator():
    model, x = PatchDiscriminator(1, width=4, layers=1), torch.randn(4, 1, 16, 16)
    optimizer = torch.optim.SGD(model.parameters(), 10.0)
    with torch.no_grad():
        first = r1_penalty(model, x)  # also where gradients are switched off around it
    for _ in range(5):
        optimizer.zero_grad()
        r1_penalty(model, x).backward()
        optimizer.step()
    assert r1_penalty(model, x) < 0.9 * first
    assert not x.requires_grad


def test_lecam_by_hand():
    module = LeCam(decay=0.9)
    real = [torch.tensor([2.0, 4.0]), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 9.0])]
    fake = [torch.tensor([-1.0, 1.0]), torch.tensor([1.0, 0.0]), torch.tensor([9.0, -3.0])]
    sums = [0.0, 0.0]
    for step, (r, f) in enumerate(zip(real, fake, strict=True), start=1):
        penalty = module(r, f)
        for i, mean in enumerate((r.mean().item(), f.mean().item())):
            sums[i] = 0.9 * sums[i] + 0.1 * mean
        a_r, a_f = (s / (1 - 0.9**step) for s in sums)
        expected = sum(max(0, v - a_f) ** 2 for v in r.tolist()) / 2
        expected += sum(max(0, a_r - v) ** 2 for v in f.tolist()) / 2
        assert penalty.item() == pytest.approx(expected, rel=1e-4)
        assert module.averages().tolist() == pytest.approx([a_r, a_f], rel=1e-4)


def test_lecam_learns_only_in_training():
    module = LeCam()
    assert module.averages().tolist() == [0, 0]
    module(torch.full((2, 1, 3, 3), 3.0), torch.full((2, 1, 3, 3), -1.0))
    assert module.averages().tolist() == pytest.approx([3, -1], rel=1e-4)  # debiased
    before = {name: value.clone() for name, value in module.state_dict().items()}
    assert set(before) == {"sums", "steps"}
    module.eval()(torch.zeros(2), torch.zeros(2))
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


def test_lecam_draws_the_two_together():
    module = LeCam()
    real = torch.full((4,), 5.0, requires_grad=True)
    fake = torch.full((4,), -5.0, requires_grad=True)
    to_real, to_fake = torch.autograd.grad(module(real, fake), [real, fake])
    assert (to_real > 0).all()
    assert (to_fake < 0).all()
    assert not module.sums.requires_grad


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_bad_decay(decay):
    with pytest.raises(InputError, match=r"decay must lie in \[0, 1\)"):
        LeCam(decay)


# --- λ ------------------------------------------------------------------------------------------


LAST = {
    "Conv2d": lambda: nn.Conv2d(4, 3, 3, padding=1),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1),
}


def decoded(kind):
    """x̂ of a small decoder, its last weight, and two losses of x̂."""
    last = LAST[kind]()
    decoder = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), last, nn.Tanh())
    x_hat = decoder(torch.randn(2, 2, 24, 24))
    discriminator = PatchDiscriminator(3, width=4)
    reconstruction = (x_hat - torch.randn_like(x_hat)).abs().mean()
    return x_hat, last.weight, reconstruction, LOSSES["hinge"][1](discriminator(x_hat))


@pytest.mark.parametrize("kind", LAST)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_weight_is_that_of_the_long_way(kind, scale):
    x_hat, last, reconstruction, adversarial = decoded(kind)
    reconstruction = scale * reconstruction
    long = [
        torch.autograd.grad(loss, last, retain_graph=True)[0].norm()
        for loss in (reconstruction, adversarial)
    ]
    grads = [
        torch.autograd.grad(loss, x_hat, retain_graph=True)[0]
        for loss in (reconstruction, adversarial)
    ]
    weight = adaptive_weight(*grads, x_hat, last)
    expected = (long[0] / (long[1] + 1e-4)).clamp(0, 1e4)
    torch.testing.assert_close(weight, expected, rtol=1e-5, atol=1e-5)
    assert 0 < weight < 1e4
    assert weight.shape == ()
    assert not weight.requires_grad
    x_hat.sum().backward()  # the graph is still there


def test_the_losses_are_traversed_once():
    """Neither gradient's own graph is needed any more: it may be gone."""
    x_hat, last, reconstruction, adversarial = decoded("Conv2d")
    grads = [
        torch.autograd.grad(loss, x_hat, retain_graph=True)[0]
        for loss in (reconstruction, adversarial)
    ]
    del reconstruction, adversarial
    weight = adaptive_weight(*grads, x_hat, last)
    x_hat.backward(grads[0] + weight * grads[1])
    assert torch.isfinite(last.grad).all()


def test_tiny_and_huge_gradients():
    x_hat, last, *_ = decoded("Conv2d")
    g = torch.ones_like(x_hat) / x_hat.numel()
    (at_layer,) = torch.autograd.grad(x_hat, last, g, retain_graph=True)
    norm = at_layer.double().norm().item()
    for rec, adv in itertools.product([0.0, 1e-30, 1e-8, 1.0, 1e25], repeat=2):
        weight = adaptive_weight(rec * g, adv * g, x_hat, last).item()
        expected = min(1e4, rec * norm / (adv * norm + 1e-4))
        assert weight == pytest.approx(expected, rel=1e-4, abs=1e-20), (rec, adv)
    assert adaptive_weight(g, 0 * g, x_hat, last, eps=1.0).item() == pytest.approx(norm, rel=1e-4)
    assert adaptive_weight(g, g, x_hat, last, eps=0.0, maximum=0.5).item() == 0.5


def test_gradients_that_do_not_fit():
    x_hat, last, *_ = decoded("Conv2d")
    g = torch.ones_like(x_hat)
    with pytest.raises(InputError, match=r"x_hat's shape \(2, 3, 24, 24\); got \(2, 3, 24\)"):
        adaptive_weight(g, g[..., 0], x_hat, last)
    with pytest.raises(InputError, match="must come out of last_layer"):
        adaptive_weight(g, g, x_hat, nn.Conv2d(1, 1, 1).weight)
    with pytest.raises(InputError, match="must come out of last_layer"):
        adaptive_weight(g, g, x_hat.detach(), last)


# --- together -----------------------------------------------------------------------------------


def test_a_few_steps_of_a_gan():
    """The discriminator learns to tell apart, and the generator answers."""
    generator, discriminator = Generator(width=8), PatchDiscriminator(1, width=8, layers=2)
    d_loss, g_loss = LOSSES["non-saturating"]
    to_d = torch.optim.Adam(discriminator.parameters(), 2e-3, betas=(0.5, 0.9))
    to_g = torch.optim.Adam(generator.parameters(), 2e-3, betas=(0.5, 0.9))
    real = 0.1 * torch.randn(16, 1, 28, 28) - 0.9  # nearly black
    first = generator.sample(16).mean()
    for _ in range(60):
        fake = generator(generator.noise(16))
        to_d.zero_grad()
        d_loss(discriminator(real), discriminator(fake.detach())).backward()
        to_d.step()
        to_g.zero_grad()
        g_loss(discriminator(fake)).backward()
        to_g.step()
    assert generator.sample(16).mean() < first - 0.1
