"""Cosine, rotation, SimVQ and residual: what each does differently from the paper's quantisers."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from vqedu.errors import InputError
from vqedu.quantizers import (
    CosineVectorQuantizer,
    EMAVectorQuantizer,
    ResidualQuantizer,
    RotationVectorQuantizer,
    SimVectorQuantizer,
    VectorQuantizer,
)

K, D = 12, 4


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def make(cls, **options):
    quantizer = cls(K, D, **({"kmeans_init": False, "revive_after": 0} | options))
    for module in [quantizer, *getattr(quantizer, "levels", [])]:
        if hasattr(module, "codebook"):
            module.codebook.data.normal_()
    return quantizer


# --- cosine -------------------------------------------------------------------------------------


def test_cosine_takes_the_smallest_angle():
    quantizer, z = make(CosineVectorQuantizer), 3 * torch.randn(50, D)
    q = quantizer(z)
    angles = F.cosine_similarity(z[:, None], quantizer.codebook[None], dim=2).arccos()
    assert torch.equal(q.indices, angles.argmin(1))
    torch.testing.assert_close(q.z_q.norm(dim=1), torch.ones(50))
    torch.testing.assert_close(quantizer.lookup(q.indices).norm(dim=1), torch.ones(50))
    cosine = angles.min(1).values.cos()
    torch.testing.assert_close(q.codebook_loss, (2 - 2 * cosine).mean() / D)  # law of cosines
    plain = VectorQuantizer(K, D, kmeans_init=False)
    plain.load_state_dict(quantizer.state_dict())
    assert not torch.equal(plain(z).indices, q.indices)  # else the lengths had no part in this


def test_cosine_ignores_lengths():
    quantizer, z = make(CosineVectorQuantizer).eval(), torch.randn(50, D)
    q = quantizer(z)
    quantizer.codebook.data *= torch.rand(K, 1) + 0.5
    other = quantizer(z * (torch.rand(50, 1) + 0.5))
    assert torch.equal(q.indices, other.indices)
    torch.testing.assert_close(q.z_q, other.z_q)
    torch.testing.assert_close(q.loss, other.loss)


def test_cosine_gradients_by_finite_differences():
    """Of the whole loss with respect to both, with the choice of codes held fixed."""
    quantizer = make(CosineVectorQuantizer, beta=0.5)
    z = torch.randn(10, D, requires_grad=True)
    weight = torch.randn(10, D)
    q = quantizer(z)
    total = q.loss + (q.z_q * weight).sum()
    to_z, to_codes = torch.autograd.grad(total, [z, quantizer.codebook])
    z0, codes0, w = z.detach().double(), quantizer.codebook.detach().double(), weight.double()

    def unit(v):
        return v / v.norm(dim=1, keepdim=True)

    def of_z(z):  # straight-through: the value of z_q moves as the direction of z does
        e = unit(codes0)[q.indices]
        return 0.5 * (unit(z) - e).square().mean() + (unit(z) * w).sum()

    def of_codes(codes):
        return (unit(codes)[q.indices] - unit(z0)).square().mean()

    torch.testing.assert_close(to_z, slopes(of_z, z0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(to_codes, slopes(of_codes, codes0), rtol=1e-4, atol=1e-6)


def slopes(function, x, h=1e-6):
    """Central differences of a scalar function, one number at a time; float32."""
    out = torch.zeros_like(x)
    for i in range(x.numel()):
        d = torch.zeros_like(x)
        d.view(-1)[i] = h
        out.view(-1)[i] = (function(x + d) - function(x - d)) / (2 * h)
    return out.float()


def test_cosine_starts_and_revives_on_the_sphere():
    quantizer = CosineVectorQuantizer(3, 2, revive_after=2)
    z = torch.tensor([[5.0, 0], [0, 0.1], [-2, -2]])
    assert quantizer(z).codebook_loss < 1e-10  # k-means of the directions
    quantizer.codebook.data.copy_(torch.tensor([[1.0, 0], [-1, 0.01], [-1, -0.01]]))
    for _ in range(2):
        quantizer(torch.tensor([[5.0, 0], [0, 9]]))
    lengths = quantizer.codebook.detach().norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(3), rtol=0, atol=1e-4)
    assert quantizer(torch.tensor([[0.0, 9]])).commitment_loss < 1e-10


def test_a_zero_vector_has_no_direction():
    quantizer = make(CosineVectorQuantizer)
    z = torch.zeros(2, D, requires_grad=True)
    q = quantizer(z)
    (q.z_q.sum() + q.loss).backward()
    assert torch.isfinite(z.grad).all()


# --- rotation -----------------------------------------------------------------------------------


def turn(a, b):
    """The rotation in the plane of unit vectors a and b that takes a to b (Rodrigues)."""
    cos = a @ b
    c = (b - cos * a) / (b - cos * a).norm()
    sin = b @ c
    plane = torch.outer(c, a) - torch.outer(a, c)
    return (
        torch.eye(len(a), dtype=a.dtype)
        + sin * plane
        + (cos - 1) * (torch.outer(a, a) + torch.outer(c, c))
    )


def test_rotation_matrix_by_another_formula():
    quantizer, z = make(RotationVectorQuantizer), torch.randn(20, D, requires_grad=True)
    codebook = quantizer.codebook.double().clone()
    q, from_decoder = quantizer(z), torch.randn(20, D)
    (gradient,) = torch.autograd.grad((q.z_q * from_decoder).sum(), z)
    for i in range(20):
        z_i, e = z[i].detach().double(), codebook[q.indices[i]]
        R, stretch = turn(z_i / z_i.norm(), e / e.norm()), e.norm() / z_i.norm()
        torch.testing.assert_close(stretch * R @ z_i, e)  # else the check itself is wrong
        expected = stretch * R.T @ from_decoder[i].double()
        torch.testing.assert_close(gradient[i].double(), expected, rtol=1e-4, atol=1e-5)


def test_rotation_keeps_the_angle_to_the_gradient():
    quantizer, z = make(RotationVectorQuantizer), torch.randn(20, D, requires_grad=True)
    e = quantizer.codebook.clone()
    q, from_decoder = quantizer(z), torch.randn(20, D)
    torch.testing.assert_close(q.z_q, e[q.indices], rtol=0, atol=1e-6)
    (gradient,) = torch.autograd.grad((q.z_q * from_decoder).sum(), z)
    at_code = F.cosine_similarity(from_decoder, e[q.indices])
    torch.testing.assert_close(F.cosine_similarity(gradient, z), at_code, rtol=1e-4, atol=1e-5)
    assert (F.cosine_similarity(from_decoder, z) - at_code).abs().max() > 0.1


def test_rotation_moves_its_codes_as_ema_does():
    a, b = make(RotationVectorQuantizer), make(EMAVectorQuantizer)
    b.load_state_dict(a.state_dict())
    for _ in range(5):
        z = torch.randn(30, D, requires_grad=True)
        qa, qb = a(z), b(z)
        assert torch.equal(qa.loss, qb.loss)
        torch.testing.assert_close(qa.z_q, qb.z_q)
        assert torch.equal(a.codebook, b.codebook)
    gradients = [torch.autograd.grad(q.z_q.sum(), z)[0] for q in (qa, qb)]
    assert not torch.allclose(*gradients)


@pytest.mark.parametrize("scale", [0.0, 1e-9, -1.0])
def test_rotation_where_none_is_defined(scale):
    """No direction, or the opposite one."""
    quantizer = make(RotationVectorQuantizer, revive_after=0).eval()
    quantizer.codebook.fill_(100.0)
    quantizer.codebook[0] = torch.tensor([1.0, 2, 3, 4])
    z = (scale * quantizer.codebook[:1]).clone().requires_grad_()
    q = quantizer(z)
    q.z_q.sum().backward()
    torch.testing.assert_close(q.z_q.detach(), quantizer.codebook[:1])
    if scale != -1:
        assert torch.equal(z.grad, torch.ones(1, D))  # straight through
    else:
        assert z.grad.norm() == pytest.approx(2, abs=1e-4)  # length kept: λ is 1


# --- SimVQ --------------------------------------------------------------------------------------


def test_sim_moves_all_codes_through_the_map():
    quantizer, z = make(SimVectorQuantizer), torch.randn(2, D, requires_grad=True)
    before, frozen = quantizer.codes().detach(), quantizer.frozen_codebook.clone()
    q = quantizer(z)
    q.loss.backward()
    with torch.no_grad():
        quantizer.map.weight -= 0.5 * quantizer.map.weight.grad
    moved = (quantizer.codes() - before).norm(dim=1)
    assert len(q.indices.unique()) < 3 < K
    assert (moved > 1e-3).all()
    assert torch.equal(quantizer.frozen_codebook, frozen)
    assert quantizer(z).codebook_loss < q.codebook_loss
    assert [*dict(quantizer.named_parameters())] == ["map.weight"]


def test_sim_is_vq_on_mapped_codes():
    """The map's gradient is the chain rule's: that of the mapped codes, times the frozen ones."""
    quantizer, plain = make(SimVectorQuantizer, beta=0.7), make(VectorQuantizer, beta=0.7)
    plain.codebook.data.copy_(quantizer.codes().detach())
    z = torch.randn(30, D)
    a, b = quantizer(z), plain(z)
    assert torch.equal(a.indices, b.indices)
    torch.testing.assert_close(a.loss, b.loss)
    a.loss.backward()
    b.loss.backward()
    expected = plain.codebook.grad.T @ quantizer.frozen_codebook
    torch.testing.assert_close(quantizer.map.weight.grad, expected)


def test_sim_starts_with_codes_of_length_one_in_the_mean():
    quantizer = SimVectorQuantizer(2000, 64)
    assert quantizer.frozen_codebook.square().sum(1).mean() == pytest.approx(1, abs=0.05)


# --- residual -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ema", "vq"])
def test_levels_quantise_what_is_left(kind):
    quantizer = make(ResidualQuantizer, num_quantizers=3, inner=kind, beta=0.5)
    levels = copy.deepcopy(list(quantizer.levels))
    z = torch.randn(2, D, 3, 5, requires_grad=True)
    q, rest, total = quantizer(z), z.detach(), 0
    for i, level in enumerate(levels):
        one = level(rest)
        assert torch.equal(q.indices[..., i], one.indices)
        rest, total = rest - one.z_q, total + one.loss.detach()
        torch.testing.assert_close(level.codebook, quantizer.levels[i].codebook)
    torch.testing.assert_close(q.z_q, z.detach() - rest)
    torch.testing.assert_close(q.loss.detach(), total)
    share = 1.5 if kind == "vq" else 0.5
    torch.testing.assert_close(q.loss, share * q.commitment_loss)
    torch.testing.assert_close(q.codebook_loss, q.commitment_loss)


def test_commitment_of_all_levels_reaches_the_encoder():
    quantizer = make(ResidualQuantizer, num_quantizers=3)
    codebooks = [level.codebook.clone() for level in quantizer.levels]
    z = torch.randn(40, D, requires_grad=True)
    q = quantizer(z)
    (gradient,) = torch.autograd.grad(q.commitment_loss, z)
    expected, rest = torch.zeros(40, D), z.detach()
    for codebook, indices in zip(codebooks, q.indices.unbind(1), strict=True):
        rest = rest - codebook[indices]
        expected += 2 * rest / z.numel()  # Eq. 7, Lee 2022: z minus the sum of the codes so far
    torch.testing.assert_close(gradient, expected)


def test_more_levels_leave_less():
    z = torch.randn(2000, D)
    left = []
    for q in (1, 2, 4):
        quantizer = ResidualQuantizer(16, D, num_quantizers=q)
        for _ in range(5):
            quantizer(z)
        left.append((quantizer.eval()(z).z_q - z).square().mean().item())
    assert left[0] > 2 * left[1] > 4 * left[2]


def test_look_up_adds_the_levels():
    quantizer = make(ResidualQuantizer, num_quantizers=2).eval()
    codes = quantizer.lookup(torch.tensor([[[3, 7], [1, 0]]]))
    first, second = (level.codebook for level in quantizer.levels)
    expected = torch.stack([first[3] + second[7], first[1] + second[0]], dim=1)
    assert torch.equal(codes, expected[None])


def test_levels_get_the_options():
    quantizer = ResidualQuantizer(K, D, num_quantizers=2, decay=0.5, revive_after=3, beta=1.0)
    assert [level.decay for level in quantizer.levels] == [0.5, 0.5]
    assert not any(level.initialised for level in quantizer.levels)
    z = torch.randn(60, D)
    quantizer(z)
    assert all(level.initialised for level in quantizer.levels)
    quantizer.levels[1].codebook[3:] += 100  # will die
    quantizer.levels[1].ema_sum[3:] = 100 * quantizer.levels[1].ema_count[3:, None]
    for _ in range(3):
        quantizer(z)
    assert quantizer.levels[1].codebook.abs().max() < 10
    assert quantizer.steps_unused.shape == (2, K)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_quantizers": 0}, "num_quantizers must be >= 1.*got 0 and 'ema'"),
        ({"inner": "fsq"}, "one of ema, vq; got 4 and 'fsq'"),
    ],
)
def test_bad_levels(options, message):
    with pytest.raises(InputError, match=message):
        ResidualQuantizer(K, D, **options)


@pytest.mark.parametrize("shape", [(2, 5), (1, 3), ()])
def test_look_up_of_other_levels(shape):
    quantizer = ResidualQuantizer(K, D)
    with pytest.raises(InputError, match="end in an axis of 4 levels; got "):
        quantizer.lookup(torch.zeros(shape, dtype=torch.int64))


def test_rate_of_the_levels():
    indices = make(ResidualQuantizer, num_quantizers=3)(torch.randn(2, D, 5)).indices
    assert indices[0].numel() * math.log2(K) == pytest.approx(5 * 3 * math.log2(12))
