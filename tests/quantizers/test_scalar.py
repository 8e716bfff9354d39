"""FSQ, LFQ and Gumbel: codes that are not the nearest of a codebook."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from vqedu.errors import InputError
from vqedu.quantizers import FSQ, LFQ, GumbelQuantizer
from vqedu.quantizers.scalar import entropies


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


# --- FSQ ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num_codes", "levels"),
    [
        (240, (8, 6, 5)),  # Table 1 of the paper, all rows
        (1000, (8, 5, 5, 5)),
        (4375, (7, 5, 5, 5, 5)),
        (15360, (8, 8, 8, 6, 5)),
        (64000, (8, 8, 8, 5, 5, 5)),
        (3, (3,)),
        (8, (8,)),
        (16, (4, 4)),
        (24, (6, 4)),  # as few as (8, 3), and more even
        (512, (8, 8, 8)),
        (1024, (8, 8, 4, 4)),
    ],
)
def test_levels_belong_to_the_number_of_codes(num_codes, levels):
    assert FSQ(num_codes, 4).levels == levels


@pytest.mark.parametrize(
    ("num_codes", "levels", "message"),
    [
        (11, None, r"got 11: try 9 or 12, or give levels=\[\.\.\.\]"),
        (1, None, "got 1: try 3, or"),
        (1021, None, "got 1021: try 1008 or 1024"),
        (1024, [8, 5, 5, 5], r"levels=\[8, 5, 5, 5\] make 1000 codes; got num_codes=1024"),
        (4, [2, 2], "from 3 to 256.*got"),
        (300, [300], "from 3 to 256"),
        (1, [], "at least one"),
    ],
)
def test_levels_that_do_not_fit(num_codes, levels, message):
    with pytest.raises(InputError, match=message):
        FSQ(num_codes, 4, levels=levels)


@pytest.mark.parametrize("levels", [(3,), (4, 3), (5, 4, 3), (8, 7), (256, 3), (11, 255)])
def test_every_code_is_reached_and_has_its_own_index(levels):
    width, k = len(levels), math.prod(levels)
    quantizer = FSQ(k, width, levels=list(levels)).eval()
    codes = quantizer.lookup(torch.arange(k))
    assert len(codes.unique(dim=0)) == k
    for column, count in zip(codes.T, levels, strict=True):
        step = 1 / (count // 2)
        evenly = step * (torch.arange(count) - count // 2)
        torch.testing.assert_close(column.unique(), evenly)
    # From inside each cell back to its code: undo the bound.
    half = torch.tensor([(n - 1) * 1.001 / 2 for n in levels])
    offset = torch.tensor([0.5 * (n % 2 == 0) for n in levels])
    middle = codes * torch.tensor([n // 2 for n in levels])
    z = torch.atanh(((middle + offset) / half).clamp(-0.9999, 0.9999)) - torch.atanh(offset / half)
    q = quantizer(z)
    assert torch.equal(q.indices, torch.arange(k))
    torch.testing.assert_close(q.z_q, codes, rtol=0, atol=1e-5)
    far = quantizer(torch.tensor([[1e4], [-1e4]]).expand(2, width))
    assert far.indices.tolist() == [k - 1, 0]


def test_zero_stays_zero():
    for levels in ([3, 4, 5, 6], [7, 8, 9, 256]):
        q = FSQ(math.prod(levels), 4, levels=levels)(torch.zeros(1, 4))
        assert torch.equal(q.z_q, torch.zeros(1, 4))


def test_fsq_rounds_the_bounded_value():
    """By hand, one number at a time."""
    quantizer, z = FSQ(20, 2, levels=[5, 4]), 2 * torch.randn(200, 2)
    q = quantizer(z)
    for (a, b), index in zip(z.tolist(), q.indices.tolist(), strict=True):
        first = round(2 * 1.001 * math.tanh(a))
        h = 1.5 * 1.001
        second = round(h * math.tanh(b + math.atanh(0.5 / h)) - 0.5)
        assert index == (first + 2) + 5 * (second + 2)


def test_fsq_gradient_is_that_of_the_bound():
    quantizer = FSQ(60, 3, levels=[5, 4, 3])
    z = torch.randn(30, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(quantizer(z).z_q.sum(), z)
    half = torch.tensor([4, 3, 2], dtype=torch.float64) * 1.001 / 2
    offset, width = torch.tensor([0, 0.5, 0]), torch.tensor([2, 2, 1])

    def bounded(z):
        return ((z + torch.atanh(offset / half)).tanh() * half - offset) / width

    z, h = z.detach().double(), 1e-6
    by_differences = (bounded(z + h) - bounded(z - h)) / (2 * h)
    torch.testing.assert_close(gradient.double(), by_differences, rtol=1e-4, atol=1e-6)


def test_fsq_adds_nothing_to_the_loss():
    q = FSQ(64, 6)(torch.randn(9, 6))
    assert (q.loss, q.codebook_loss, q.commitment_loss) == (0, 0, 0)


@pytest.mark.parametrize("cls", [FSQ, LFQ])
def test_linear_layers_where_the_sizes_differ(cls):
    width = {FSQ: 2, LFQ: 6}[cls]
    assert not list(cls(64, width).parameters())
    quantizer = cls(64, 9)
    assert quantizer.project_in.weight.shape == (width, 9)
    assert quantizer.project_out.weight.shape == (9, width)
    z = torch.randn(200, 9, requires_grad=True)
    q = quantizer(z)
    q.z_q.square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in [z, *quantizer.parameters()])
    plain = cls(64, width)(quantizer.project_in(z))
    assert torch.equal(plain.indices, q.indices)
    torch.testing.assert_close(quantizer.project_out(plain.z_q), q.z_q)


# --- LFQ ----------------------------------------------------------------------------------------


def test_lfq_takes_signs():
    q = LFQ(8, 3)(torch.tensor([[0.1, -2, 3], [-0.1, -5, -1], [9, 9, 9], [0, 0, 1e-9]]))
    assert q.indices.tolist() == [1 + 4, 0, 7, 4]
    assert q.z_q[0].tolist() == pytest.approx([1, -1, 1])
    assert q.z_q[3].tolist() == pytest.approx([-1, -1, 1])


def test_lfq_commitment():
    z = torch.randn(50, 3, requires_grad=True)
    q = LFQ(8, 3, entropy_weight=0, beta=0.7)(z)
    expected = (z.abs() - 1).square().mean()
    torch.testing.assert_close(q.commitment_loss, expected)
    torch.testing.assert_close(q.loss, 0.7 * expected)
    (gradient,) = torch.autograd.grad(q.z_q.sum(), z, retain_graph=True)
    assert torch.equal(gradient, torch.ones_like(z))
    assert torch.equal(*(torch.autograd.grad(a, z)[0] for a in (q.commitment_loss, expected)))


def entropies_by_force(z, temperature):
    """From the definition: all K codes, all N vectors."""
    codes = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=z.shape[1])), dtype=z.dtype)
    p = (-torch.cdist(z, codes).square() / temperature).softmax(1)
    mean = p.mean(0)
    return -torch.xlogy(p, p).sum(1).mean(), -torch.xlogy(mean, mean).sum()


@pytest.mark.parametrize("bits", [1, 2, 5, 8])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_entropies_are_exact(bits, temperature):
    z = torch.randn(40, bits, dtype=torch.float64, requires_grad=True)
    ours, by_force = entropies(z, temperature), entropies_by_force(z, temperature)
    for a, b in zip(ours, by_force, strict=True):
        torch.testing.assert_close(a, b)
        gradients = [torch.autograd.grad(x, z, retain_graph=True)[0] for x in (a, b)]
        torch.testing.assert_close(*gradients)


def test_entropies_by_finite_differences():
    z = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: entropies(z, 1.5), z)


def test_entropies_at_the_extremes():
    bits = 6
    codes = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=bits)), requires_grad=True)
    of_each, of_mean = entropies(codes, 0.01)  # all codes, each for sure
    assert of_each == 0
    assert of_mean.item() == pytest.approx(bits * math.log(2))
    of_each, of_mean = entropies(torch.zeros(5, bits), 0.01)  # nothing known
    assert of_each.item() == pytest.approx(bits * math.log(2))
    z = torch.full((5, bits), 30.0, requires_grad=True)  # one code for sure
    of_each, of_mean = entropies(z, 0.01)
    assert (of_each.item(), of_mean.item()) == pytest.approx((0, 0), abs=1e-6)
    (of_each - of_mean).backward()
    assert torch.isfinite(z.grad).all()


def test_lfq_loss_has_its_weights():
    z = torch.randn(50, 4)
    q = LFQ(16, 4, entropy_weight=0.3, diversity=2.0, temperature=1.0, beta=0.5)(z)
    of_each, of_mean = entropies_by_force(z, 1.0)
    torch.testing.assert_close(q.codebook_loss, of_each - 2 * of_mean)
    torch.testing.assert_close(q.loss, 0.5 * q.commitment_loss + 0.3 * q.codebook_loss)
    torch.testing.assert_close(
        q.codebook_loss, LFQ(16, 4, temperature=1.0, diversity=2.0).eval()(z).codebook_loss
    )


def test_lfq_entropy_spreads_the_codes():
    """Vectors in one corner move to the others when only the entropies pull."""
    z = (1 + 0.5 * torch.randn(400, 3)).requires_grad_()
    quantizer = LFQ(8, 3, beta=0, temperature=8.0)
    optimizer = torch.optim.Adam([z], 0.05)
    used = []
    for _ in range(120):
        q = quantizer(z)
        used.append(q.indices.bincount(minlength=8).min().item())
        optimizer.zero_grad()
        q.loss.backward()
        optimizer.step()
    assert used[0] < 5
    assert used[-1] > 35  # equal shares were 50


@pytest.mark.parametrize(
    ("num_codes", "options", "message"),
    [
        (12, {}, "power of 2; got 12: try 8 or 16"),
        (1, {}, "power of 2; got 1: try 2"),
        (8, {"temperature": 0.0}, "temperature > 0; got .*temperature=0.0"),
        (8, {"entropy_weight": -1.0}, "entropy_weight=-1.0"),
        (8, {"diversity": -1.0}, "diversity=-1.0"),
    ],
)
def test_bad_lfq(num_codes, options, message):
    with pytest.raises(InputError, match=message):
        LFQ(num_codes, 3, **options)


# --- Gumbel -------------------------------------------------------------------------------------

K, D = 6, 3


def test_gumbel_mixes_in_training_and_chooses_in_evaluation():
    quantizer, z = GumbelQuantizer(K, D, temperature=0.7), torch.randn(2, D, 4)
    logits = quantizer.logits(z.movedim(1, -1))  # (2, 4, K)
    torch.manual_seed(1)
    weights = F.gumbel_softmax(logits.view(-1, K), 0.7).view(2, 4, K)
    torch.manual_seed(1)
    q = quantizer(z)
    torch.testing.assert_close(q.z_q, (weights @ quantizer.codebook).movedim(-1, 1))
    assert torch.equal(q.indices, weights.argmax(-1))
    hard = quantizer.eval()(z)
    assert torch.equal(hard.indices, logits.argmax(-1))
    assert torch.equal(hard.z_q, quantizer.codebook[hard.indices].movedim(-1, 1))


def test_gumbel_draws_with_the_probabilities():
    quantizer, z = GumbelQuantizer(K, D), torch.randn(1, D)
    q = quantizer(z.expand(20000, D))
    share = q.indices.bincount(minlength=K) / 20000
    torch.testing.assert_close(share, quantizer.logits(z)[0].softmax(0), rtol=0, atol=0.015)


def test_divergence_from_uniform():
    quantizer, z = GumbelQuantizer(K, D, kl_weight=0.2), torch.randn(7, D)
    q = quantizer(z)
    p = quantizer.logits(z).double().softmax(1)
    by_hand = (p * (p / (1 / K)).log()).sum(1).mean()
    torch.testing.assert_close(q.codebook_loss.double(), by_hand, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(q.loss, 0.2 * q.codebook_loss)
    assert q.commitment_loss == 0
    quantizer.logits.weight.data.zero_()
    quantizer.logits.bias.data.fill_(3)
    assert quantizer(z).codebook_loss.item() == pytest.approx(0, abs=1e-6)
    assert GumbelQuantizer(K, D).kl_weight == 5e-4


def test_gumbel_gradients():
    quantizer, z = GumbelQuantizer(K, D), torch.randn(7, D, requires_grad=True)
    q = quantizer(z)
    inputs = [z, quantizer.logits.weight, quantizer.codebook]
    to_all = torch.autograd.grad(q.z_q.square().sum(), inputs, retain_graph=True)
    assert all(g.abs().max() > 1e-4 for g in to_all)
    *_, to_codes = torch.autograd.grad(q.loss, inputs, allow_unused=True)
    assert to_codes is None


def test_temperature_falls_with_the_training_steps():
    quantizer = GumbelQuantizer(
        K, D, temperature=2.0, final_temperature=0.5, anneal_steps=4, kmeans_init=False
    )
    seen = []
    for _ in range(6):
        seen.append(quantizer.temperature)
        quantizer(torch.randn(3, D))
        quantizer.eval()(torch.randn(3, D))  # no training step
        quantizer.train()
    cosine = [0.5 + 1.5 * (1 + math.cos(math.pi * i / 4)) / 2 for i in range(5)]
    assert seen == pytest.approx([*cosine, 0.5])
    assert (seen[0], seen[2], seen[4]) == pytest.approx((2, 1.25, 0.5))
    again = GumbelQuantizer(K, D, temperature=2.0, final_temperature=0.5, anneal_steps=9)
    again.load_state_dict(quantizer.state_dict())
    assert 0.5 < again.temperature < 1.25  # six of nine steps


def test_cold_draws_are_codes():
    quantizer = GumbelQuantizer(K, D, temperature=1e-3, final_temperature=1e-3)
    q = quantizer(torch.randn(200, D))
    near = (q.z_q - quantizer.lookup(q.indices)).norm(dim=1) < 1e-3
    assert near.float().mean() > 0.97


@pytest.mark.parametrize(
    "option",
    [{"temperature": 0.0}, {"final_temperature": -1.0}, {"anneal_steps": 0}, {"kl_weight": -1.0}],
)
def test_bad_gumbel(option):
    ((name, value),) = option.items()
    with pytest.raises(InputError, match=f"must be > 0.*got .*{name}={value}"):
        GumbelQuantizer(K, D, **option)
