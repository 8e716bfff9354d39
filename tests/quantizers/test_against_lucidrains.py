"""The same state and the same vectors into another implementation: the same results.

``vector-quantize-pytorch`` starts its averages from ones and does not debias them. So our state
is set where debiasing divides by 1, after very many steps, and theirs to the same numbers.
"""

import pytest
import torch

from vqedu.quantizers import (
    FSQ,
    LFQ,
    CosineVectorQuantizer,
    EMAVectorQuantizer,
    ResidualQuantizer,
    RotationVectorQuantizer,
    SimVectorQuantizer,
    VectorQuantizer,
)

lucidrains = pytest.importorskip("vector_quantize_pytorch")
K, D, BETA, DECAY = 12, 5, 0.25, 0.9
MANY = 100_000  # steps, after which 1 - decay**steps is 1


def theirs(codebook, **options):
    settings = {
        "dim": D,
        "codebook_size": K,
        "decay": DECAY,
        "eps": 1e-5,
        "kmeans_init": False,
        "threshold_ema_dead_code": 0,
        "commitment_weight": BETA,
        "rotation_trick": False,
        "accept_image_fmap": True,
    }
    quantizer = lucidrains.VectorQuantize(**settings | options)
    quantizer._codebook.embed.data.copy_(codebook[None])  # (1 head, K, D)
    return quantizer.train()


def past():
    """Counts and codes that averages may have come to."""
    return 1 + 10 * torch.rand(K), torch.randn(K, D)


def share_a_past(ours, other, count, codebook):
    """Give ours and theirs one and the same history."""
    ours.codebook.copy_(codebook)
    ours.ema_count.copy_(count)
    ours.ema_sum.copy_(codebook * count[:, None])
    ours.steps.fill_(MANY)
    other._codebook.embed.data.copy_(codebook[None])  # (1 head, K, D)
    other._codebook.cluster_size.copy_(count[None])
    other._codebook.embed_avg.copy_((codebook * count[:, None])[None])


def same_averages(ours, other):
    torch.testing.assert_close(ours.codebook, other.codebook)
    torch.testing.assert_close(ours.ema_count, other._codebook.cluster_size[0])
    torch.testing.assert_close(ours.ema_sum, other._codebook.embed_avg[0])


def pair(cls, **options):
    torch.manual_seed(0)
    count, codebook = past()
    ours = cls(K, D, beta=BETA, decay=DECAY, kmeans_init=False, revive_after=0)
    other = theirs(codebook, **options)
    share_a_past(ours, other, count, codebook)
    return ours, other


@pytest.fixture
def averages():
    return pair(EMAVectorQuantizer)


@pytest.mark.parametrize(
    ("cls", "rotation"), [(EMAVectorQuantizer, False), (RotationVectorQuantizer, True)]
)
def test_moving_averages(cls, rotation):
    ours, other = pair(cls, rotation_trick=rotation)
    used = set()
    for _ in range(12):
        z, z_other = twice(torch.randn(2, D, 6, 6))
        q = ours(z)
        z_q, indices, loss = other(z_other)
        assert torch.equal(q.indices, indices)
        torch.testing.assert_close(q.z_q, z_q)
        torch.testing.assert_close(q.loss, loss.squeeze())
        same_averages(ours, other)
        weight = torch.randn_like(z_q)
        ((q.z_q * weight).sum() + q.loss).backward()
        ((z_q * weight).sum() + loss.sum()).backward()
        torch.testing.assert_close(z.grad, z_other.grad)
        used |= set(indices.flatten().tolist())
    assert len(used) > K // 2


def twice(z):
    return z.clone().requires_grad_(), z.clone().requires_grad_()


def test_dead_codes_are_where_the_two_part(averages):
    """Why ours keeps the place of a code without mass: theirs falls towards zero."""
    ours, other = averages
    for codebook in (ours.codebook, other.codebook):
        codebook += 20
        codebook[0] = -100.0  # vectors will only come near the others
    ours.ema_sum.copy_(ours.codebook * ours.ema_count[:, None])
    other._codebook.embed_avg.copy_(ours.ema_sum[None])
    for _ in range(200):
        z = 20 + torch.randn(2, D, 6, 6)
        ours(z)
        other(z)
    torch.testing.assert_close(ours.codebook[0], torch.full((D,), -100.0), rtol=0.02, atol=0)
    assert other.codebook[0].norm() < 1
    torch.testing.assert_close(ours.codebook[1:], other.codebook[1:], rtol=1e-4, atol=1e-4)


def test_codebook_loss():
    """With a learnable codebook theirs is one mean square that pulls both ways, with one weight:
    ours with beta = 1, up to that weight."""
    torch.manual_seed(0)
    ours = VectorQuantizer(K, D, beta=1.0, kmeans_init=False, revive_after=0)
    ours.codebook.data.normal_()
    other = theirs(ours.codebook.detach(), learnable_codebook=True, ema_update=False)
    optimizers = [torch.optim.SGD(m.parameters(), 0.5) for m in (ours, other)]
    for _ in range(5):
        z = torch.randn(2, D, 6, 6, requires_grad=True)
        z_other = z.detach().clone().requires_grad_()
        q = ours(z)
        z_q, indices, loss = other(z_other)
        assert torch.equal(q.indices, indices)
        torch.testing.assert_close(q.z_q, z_q)
        torch.testing.assert_close(q.commitment_loss * BETA, loss.squeeze())
        torch.testing.assert_close(q.codebook_loss * BETA, loss.squeeze())
        for optimizer in optimizers:
            optimizer.zero_grad()
        q.loss.backward()
        (loss.sum() / BETA).backward()
        torch.testing.assert_close(z.grad, z_other.grad)
        torch.testing.assert_close(ours.codebook.grad, other._codebook.embed.grad[0])
        for optimizer in optimizers:
            optimizer.step()
        torch.testing.assert_close(ours.codebook.detach(), other.codebook.detach())


def test_cosine():
    """Theirs moves unit codes by averages and cannot learn them by gradient, as the paper does; so
    the codebook stands still here. All that concerns the encoder is the same."""
    torch.manual_seed(0)
    ours = CosineVectorQuantizer(K, D, beta=BETA, kmeans_init=False, revive_after=0)
    ours.codebook.data.normal_()
    other = theirs(ours.codes().detach(), use_cosine_sim=True, freeze_codebook=True)
    z, z_other = twice(3 * torch.randn(2, D, 6, 6))
    q = ours(z)
    z_q, indices, loss = other(z_other)
    assert torch.equal(q.indices, indices)
    torch.testing.assert_close(q.z_q, z_q)
    torch.testing.assert_close(BETA * q.commitment_loss, loss.squeeze())
    weight = torch.randn_like(z_q)
    ((q.z_q * weight).sum() + q.loss).backward()  # the codebook loss does not reach z
    ((z_q * weight).sum() + loss.sum()).backward()
    torch.testing.assert_close(z.grad, z_other.grad)


def test_sim():
    torch.manual_seed(0)
    ours = SimVectorQuantizer(K, D, beta=BETA)
    other = lucidrains.SimVQ(
        dim=D,
        codebook_size=K,
        channel_first=True,
        rotation_trick=False,
        input_to_quantize_commit_loss_weight=BETA,
    )
    other.frozen_codebook.copy_(ours.frozen_codebook)
    other.code_transform.load_state_dict(ours.map.state_dict())
    for _ in range(5):
        z, z_other = twice(torch.randn(2, D, 6, 6))
        q = ours(z)
        z_q, indices, loss = other(z_other)
        assert torch.equal(q.indices, indices)
        torch.testing.assert_close(q.z_q, z_q)
        torch.testing.assert_close(q.loss, loss)
        weight = torch.randn_like(z_q)
        gradients = torch.autograd.grad((q.z_q * weight).sum() + q.loss, [z, ours.map.weight])
        expected = torch.autograd.grad(
            (z_q * weight).sum() + loss, [z_other, other.code_transform.weight]
        )
        torch.testing.assert_close(gradients, expected)
        for linear, (_, step) in ((ours.map, gradients), (other.code_transform, expected)):
            linear.weight.data -= 0.5 * step


def share_layers(ours, other):
    other.project_in.load_state_dict(ours.project_in.state_dict())
    other.project_out.load_state_dict(ours.project_out.state_dict())


def same_gradients(ours, other, outputs, expected, z, z_other):
    """Of a scalar each, with respect to the features and the linear layers."""
    torch.testing.assert_close(
        torch.autograd.grad(outputs, [z, *ours.parameters()]),
        torch.autograd.grad(expected, [z_other, *other.parameters()]),
    )


@pytest.mark.parametrize(("levels", "dim"), [([8, 5, 5, 5], 4), ([4, 3], 9), ([7, 6, 5], 5)])
def test_fsq(levels, dim):
    torch.manual_seed(0)
    other = lucidrains.FSQ(levels, dim=dim)
    ours = FSQ(other.codebook_size, dim, levels=levels)
    share_layers(ours, other)
    z, z_other = twice(2 * torch.randn(2, dim, 6, 6))
    q = ours(z)
    z_q, indices = other(z_other)
    assert torch.equal(q.indices, indices.long())
    torch.testing.assert_close(q.z_q, z_q)
    torch.testing.assert_close(ours.lookup(q.indices), other.indices_to_codes(indices))
    weight = torch.randn_like(z_q)
    same_gradients(ours, other, (q.z_q * weight).sum(), (z_q * weight).sum(), z, z_other)


@pytest.mark.parametrize("dim", [4, 7])
@pytest.mark.parametrize(("temperature", "rtol"), [(5.0, 1e-5), (0.01, 2e-3)])
def test_lfq(dim, temperature, rtol):
    """Theirs works with all N·K probabilities, and cuts their logarithms off at 1e-5: both give
    the same as long as no probability that matters is below. Its first bit is worth most."""
    torch.manual_seed(0)
    options = {"entropy_loss_weight": 0.3, "diversity_gamma": 1.5, "commitment_loss_weight": BETA}
    other = lucidrains.LFQ(dim=dim, codebook_size=16, **options)
    ours = LFQ(16, dim, beta=BETA, entropy_weight=0.3, diversity=1.5, temperature=temperature)
    share_layers(ours, other)
    z, z_other = twice(torch.randn(2, dim, 6, 6))
    q = ours(z)
    (z_q, indices, loss), parts = other(
        z_other, inv_temperature=1 / temperature, return_loss_breakdown=True
    )
    reverse = torch.tensor([int(f"{i:04b}"[::-1], 2) for i in range(16)])
    assert torch.equal(q.indices, reverse[indices])
    torch.testing.assert_close(q.z_q, z_q)
    torch.testing.assert_close(q.commitment_loss, parts.commitment)
    entropy = parts.per_sample_entropy - 1.5 * parts.batch_entropy
    torch.testing.assert_close(q.codebook_loss, entropy, rtol=rtol, atol=1e-5)
    torch.testing.assert_close(q.loss, loss, rtol=rtol, atol=1e-5)
    if temperature > 1:
        weight = torch.randn_like(z_q)
        outputs, expected = (q.z_q * weight).sum() + q.loss, (z_q * weight).sum() + loss
        same_gradients(ours, other, outputs, expected, z, z_other)


def test_residual():
    """The same but for one thing: in theirs the gradient of z_q goes through each of the Q levels
    and arrives Q times."""
    torch.manual_seed(0)
    Q = 3
    ours = ResidualQuantizer(
        K, D, num_quantizers=Q, beta=BETA, decay=DECAY, kmeans_init=False, revive_after=0
    )
    other = lucidrains.ResidualVQ(
        dim=D,
        num_quantizers=Q,
        codebook_size=K,
        decay=DECAY,
        commitment_weight=BETA,
        rotation_trick=False,
        accept_image_fmap=False,
    )
    for a, b in zip(ours.levels, other.layers, strict=True):
        share_a_past(a, b, *past())
    for _ in range(5):
        z, z_other = twice(torch.randn(2, D, 36))
        q = ours(z)
        z_q, indices, losses = other(z_other.movedim(1, -1))
        assert torch.equal(q.indices, indices)
        torch.testing.assert_close(q.z_q.movedim(1, -1), z_q)
        torch.testing.assert_close(q.loss, losses.sum())
        for a, b in zip(ours.levels, other.layers, strict=True):
            same_averages(a, b)
        weight = torch.randn_like(q.z_q)
        (straight,) = torch.autograd.grad((q.z_q * weight).sum(), z, retain_graph=True)
        (q_times,) = torch.autograd.grad(
            (z_q.movedim(-1, 1) * weight).sum(), z_other, retain_graph=True
        )
        torch.testing.assert_close(Q * straight, q_times)
        q.loss.backward()
        losses.sum().backward()
        torch.testing.assert_close(z.grad, z_other.grad)
    torch.testing.assert_close(
        ours.lookup(indices).movedim(1, -1), other.get_output_from_indices(indices)
    )
