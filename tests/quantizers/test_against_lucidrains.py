"""The same state and the same vectors into another implementation: the same results.

``vector-quantize-pytorch`` starts its averages from ones and does not debias them. So our state
is set where debiasing divides by 1, after very many steps, and theirs to the same numbers.
"""

import pytest
import torch

from vqedu.quantizers import EMAVectorQuantizer, VectorQuantizer

lucidrains = pytest.importorskip("vector_quantize_pytorch")
K, D, BETA, DECAY = 12, 5, 0.25, 0.9
MANY = 100_000  # steps, after which 1 - decay**steps is 1


def theirs(codebook, **options):
    quantizer = lucidrains.VectorQuantize(
        dim=D,
        codebook_size=K,
        decay=DECAY,
        eps=1e-5,
        kmeans_init=False,
        threshold_ema_dead_code=0,
        commitment_weight=BETA,
        rotation_trick=False,
        accept_image_fmap=True,
        **options,
    )
    quantizer._codebook.embed.data.copy_(codebook[None])  # (1 head, K, D)
    return quantizer.train()


@pytest.fixture
def averages():
    """Ours and theirs, with one and the same history behind them."""
    torch.manual_seed(0)
    count = 1 + 10 * torch.rand(K)
    codebook = torch.randn(K, D)
    ours = EMAVectorQuantizer(K, D, beta=BETA, decay=DECAY, kmeans_init=False, revive_after=0)
    ours.codebook.copy_(codebook)
    ours.ema_count.copy_(count)
    ours.ema_sum.copy_(codebook * count[:, None])
    ours.steps.fill_(MANY)
    other = theirs(codebook)
    other._codebook.cluster_size.copy_(count[None])
    other._codebook.embed_avg.copy_((codebook * count[:, None])[None])
    return ours, other


def test_moving_averages(averages):
    ours, other = averages
    for _ in range(12):
        z = torch.randn(2, D, 6, 6, requires_grad=True)
        z_other = z.detach().clone().requires_grad_()
        q = ours(z)
        z_q, indices, loss = other(z_other)
        assert torch.equal(q.indices, indices)
        torch.testing.assert_close(q.z_q, z_q)
        torch.testing.assert_close(q.loss, loss.squeeze())
        torch.testing.assert_close(ours.codebook, other.codebook)
        torch.testing.assert_close(ours.ema_count, other._codebook.cluster_size[0])
        torch.testing.assert_close(ours.ema_sum, other._codebook.embed_avg[0])
        weight = torch.randn_like(z_q)
        ((q.z_q * weight).sum() + q.loss).backward()
        ((z_q * weight).sum() + loss.sum()).backward()
        torch.testing.assert_close(z.grad, z_other.grad)
    assert indices.unique().numel() > K // 2


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
