"""The paper's two quantisers: the gradient of every term, the averages, dead codes, state, errors.

What holds for all quantisers is in test_all.py.
"""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from vqedu.errors import InputError
from vqedu.quantizers import EMAVectorQuantizer, VectorQuantizer, assign

both = pytest.mark.parametrize("cls", [VectorQuantizer, EMAVectorQuantizer])
K, D = 6, 4


def make(cls, num_codes=K, code_dim=D, **options):
    """A quantiser with random codes, nothing of it happening by itself unless asked for."""
    options = {"kmeans_init": False, "revive_after": 0} | options
    quantizer = cls(num_codes, code_dim, **options)
    quantizer.codebook.data.normal_()
    return quantizer


def features(*shape, **options):
    return torch.randn(*(shape or (2, D, 3, 5)), requires_grad=True, **options)


def as_vectors(z):
    """(B, D, *S) -> (N, D), in the order of the indices."""
    return z.movedim(1, -1).reshape(-1, z.shape[1])


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


# --- values ---------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("training", [True, False])
def test_values(cls, training):
    quantizer, z_e = make(cls).train(training), features()
    codebook = quantizer.codebook.detach().clone()
    q = quantizer(z_e)
    assert q.indices.shape == (2, 3, 5)
    assert q.indices.dtype == torch.int64
    expected = torch.cdist(as_vectors(z_e.detach()), codebook).argmin(1)
    assert torch.equal(q.indices.flatten(), expected)
    e = codebook[q.indices].movedim(-1, 1)
    torch.testing.assert_close(q.z_q, e, rtol=0, atol=1e-6)  # the value of the code
    distance = (z_e.detach() - e).square().mean()
    torch.testing.assert_close(q.codebook_loss.detach(), distance)
    torch.testing.assert_close(q.commitment_loss.detach(), distance)


@both
@pytest.mark.parametrize("beta", [0.0, 0.25, 2.0])
def test_loss_is_the_sum_of_its_terms(cls, beta):
    q = make(cls, beta=beta)(features())
    expected = beta * q.commitment_loss
    if cls is VectorQuantizer:
        expected = q.codebook_loss + expected
    torch.testing.assert_close(q.loss, expected, rtol=0, atol=0)


@both
def test_codes_are_looked_up(cls):
    quantizer = make(cls).eval()
    q = quantizer(features())
    codes = quantizer.lookup(q.indices)
    assert codes.shape == (2, D, 3, 5)
    assert torch.equal(codes[1, :, 2, 4], quantizer.codebook[q.indices[1, 2, 4]])
    torch.testing.assert_close(codes, q.z_q, rtol=0, atol=1e-6)
    assert torch.equal(quantizer.lookup(q.indices.int()), codes)
    assert quantizer.lookup(q.indices[:0]).shape == (0, D, 3, 5)


# --- the gradient of every term, alone --------------------------------------------------------


def gradients(quantizer, z_e, scalar):
    """Of a scalar with respect to the encoder's output and, where it is a parameter, the codes."""
    inputs = [z_e, *quantizer.parameters()]
    return torch.autograd.grad(scalar, inputs, allow_unused=True, retain_graph=True)


def test_codebook_loss_moves_only_the_codebook():
    quantizer, z_e = make(VectorQuantizer), features()
    q = quantizer(z_e)
    to_encoder, to_codebook = gradients(quantizer, z_e, q.codebook_loss)
    assert to_encoder is None
    by_hand = torch.zeros(K, D)
    for z, k in zip(as_vectors(z_e.detach()), q.indices.flatten(), strict=True):
        by_hand[k] += 2 * (quantizer.codebook.detach()[k] - z) / z_e.numel()
    assert by_hand.abs().max() > 0.01
    torch.testing.assert_close(to_codebook, by_hand)


@both
def test_commitment_moves_only_the_encoder(cls):
    quantizer, z_e = make(cls), features()
    codebook = quantizer.codebook.detach().clone()
    q = quantizer(z_e)
    to_encoder, *to_codebook = gradients(quantizer, z_e, q.commitment_loss)
    assert to_codebook in ([], [None])
    e = codebook[q.indices].movedim(-1, 1)
    torch.testing.assert_close(to_encoder, 2 * (z_e.detach() - e) / z_e.numel())


def test_ema_codebook_loss_moves_nothing():
    q = make(EMAVectorQuantizer)(features())
    assert not q.codebook_loss.requires_grad  # to be watched only: the averages move the codes


@both
def test_straight_through_passes_the_gradient_unchanged(cls):
    quantizer, z_e = make(cls), features()
    q = quantizer(z_e)
    from_decoder = torch.randn_like(q.z_q)
    to_encoder, *to_codebook = gradients(quantizer, z_e, (q.z_q * from_decoder).sum())
    assert torch.equal(to_encoder, from_decoder)
    assert to_codebook in ([], [None])


@both
def test_beta_scales_the_encoders_gradient(cls):
    z_e = features()
    once, thrice = make(cls, beta=0.25), make(cls, beta=0.75)
    thrice.load_state_dict(once.state_dict())
    a, *a_codes = gradients(once, z_e, once(z_e).loss)
    b, *b_codes = gradients(thrice, z_e, thrice(z_e).loss)
    torch.testing.assert_close(3 * a, b)
    assert a.abs().max() > 0
    for codes_a, codes_b in zip(a_codes, b_codes, strict=True):
        assert torch.equal(codes_a, codes_b)  # beta belongs to the encoder's term


# --- exponential moving averages ---------------------------------------------------------------


def averages_by_hand(codebook, batches, decay):
    """Appendix A.1 with debiasing and smoothing, in plain Python; -> codebook after each batch."""
    eps, least = 1e-5, 1e-3
    codes = [list(map(float, code)) for code in codebook]
    number, total, out = [0.0] * len(codes), [[0.0] * len(codes[0]) for _ in codes], []
    for step, batch in enumerate(batches, start=1):
        count, summed = [0] * len(codes), [[0.0] * len(codes[0]) for _ in codes]
        for vector in batch:
            distance = [sum((a - b) ** 2 for a, b in zip(vector, e, strict=True)) for e in codes]
            k = distance.index(min(distance))
            count[k] += 1
            summed[k] = [a + b for a, b in zip(summed[k], vector, strict=True)]
        for k in range(len(codes)):
            number[k] = decay * number[k] + (1 - decay) * count[k]
            total[k] = [
                decay * a + (1 - decay) * b for a, b in zip(total[k], summed[k], strict=True)
            ]
        unbias = 1 - decay**step
        n = sum(number) / unbias
        for k in range(len(codes)):
            N = number[k] / unbias
            smoothed = (N + eps) / (n + len(codes) * eps) * n
            if least < N:
                codes[k] = [m / unbias / smoothed for m in total[k]]
        out.append(copy.deepcopy(codes))
    return out


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99])
def test_averages_equal_a_loop(decay):
    quantizer = make(EMAVectorQuantizer, decay=decay)
    quantizer.codebook[-1] = 50.0  # out of reach: no vector ever chooses it
    start = quantizer.codebook.tolist()
    batches = [torch.randn(2, D, 3, 3) + step / 5 for step in range(8)]
    expected = averages_by_hand(start, [as_vectors(z).tolist() for z in batches], decay)
    for z, codes in zip(batches, expected, strict=True):
        quantizer(z)
        torch.testing.assert_close(quantizer.codebook, torch.tensor(codes), rtol=2e-5, atol=2e-5)
    assert quantizer.steps == 8
    assert quantizer.codebook[-1].tolist() == start[-1]


def test_first_step_goes_to_the_means_of_the_cells():
    """Debiasing: after one step the old codebook is forgotten, whatever the decay."""
    quantizer, z = make(EMAVectorQuantizer, num_codes=2), torch.randn(8, D)
    q = quantizer(z)
    for k in range(2):
        mean = z[q.indices == k].mean(0)
        torch.testing.assert_close(quantizer.codebook[k], mean, rtol=1e-4, atol=1e-4)


def test_smoothing_has_the_papers_epsilon():
    """Two cells with 1 and 999 vectors: N-hat differs from N by a share that can be worked out."""
    quantizer = make(EMAVectorQuantizer, num_codes=2, code_dim=1, decay=0.0)
    quantizer.codebook.copy_(torch.tensor([[1.0], [10.0]]))
    quantizer.ema_count.copy_(torch.tensor([1.0, 1.0]))
    quantizer.steps.fill_(1)
    vectors = torch.tensor([1.0] + [10.0] * 999)[:, None]
    quantizer.update(vectors, torch.tensor([0] + [1] * 999))
    smoothed = (1 + 1e-5) / (1000 + 2e-5) * 1000
    torch.testing.assert_close(quantizer.codebook[0, 0].item(), 1 / smoothed, rtol=1e-6, atol=0)


@both
def test_evaluation_learns_nothing(cls):
    quantizer = make(cls, kmeans_init=True, revive_after=1).eval()
    before = copy.deepcopy(quantizer.state_dict())
    for _ in range(3):
        quantizer(features())
    for name, value in quantizer.state_dict().items():
        assert torch.equal(value, before[name]), name


# --- dead codes ---------------------------------------------------------------------------------


def clusters(n=40, dim=8):
    centres = 3 * torch.randn(n, dim)
    return lambda: centres.repeat(6, 1) + 0.1 * torch.randn(6 * n, dim), centres


def train(quantizer, batch, steps, lr=0.05):
    optimizer = torch.optim.Adam(quantizer.parameters(), lr) if [*quantizer.parameters()] else None
    for _ in range(steps):
        q = quantizer(batch())
        if optimizer:
            optimizer.zero_grad()
            q.loss.backward()
            optimizer.step()


def share_used(quantizer, batch):
    chosen = torch.cat([assign(batch(), quantizer.codebook.detach()) for _ in range(20)])
    return chosen.unique().numel() / quantizer.num_codes


@both
def test_dead_codes_stay_finite_without_revival(cls):
    """Most of 128 badly placed codes never get a vector. Ports that divide their vanishing
    averages by epsilon see them fly off, or fall to zero."""
    batch, _ = clusters()
    quantizer = cls(128, 8, kmeans_init=False, revive_after=0)
    quantizer.codebook.data.normal_().mul_(0.1).add_(4)
    train(quantizer, batch, 1500)
    norms, reach = quantizer.codebook.norm(dim=1), batch().norm(dim=1).max()
    assert torch.isfinite(quantizer.codebook).all()
    assert norms.max() < 1.2 * reach
    assert norms.min() > 0.1
    assert share_used(quantizer, batch) < 0.8  # else this test would test nothing
    if cls is EMAVectorQuantizer:
        assert torch.isfinite(quantizer.ema_sum).all()
        assert (quantizer.ema_count < 1e-3).any()  # there are codes without mass


def test_codes_without_vectors_stay_where_they_were():
    batch, _ = clusters()
    quantizer = make(EMAVectorQuantizer, num_codes=64, code_dim=8, decay=0.9)
    quantizer.codebook[32:] += 1000  # no vector will ever come near
    before = quantizer.codebook[32:].clone()
    train(quantizer, batch, 200)
    assert torch.equal(quantizer.codebook[32:], before)


def test_a_code_that_dies_keeps_its_last_place():
    """Chosen for a while, then never again: its average fades, its place must not."""
    quantizer = make(EMAVectorQuantizer, num_codes=2, code_dim=2, decay=0.9)
    quantizer.codebook.copy_(torch.tensor([[5.0, 5], [-5, -5]]))
    for _ in range(20):
        quantizer(torch.tensor([[5.0, 5], [-5, -5]]))
    for _ in range(500):
        quantizer(torch.tensor([[-5.0, -5]]))
    assert quantizer.ema_count[0] < 1e-6
    torch.testing.assert_close(quantizer.codebook[0], torch.tensor([5.0, 5]), rtol=0.02, atol=0)


@both
def test_revival_brings_codes_back(cls):
    batch, _ = clusters()
    quantizer = cls(128, 8, kmeans_init=False, revive_after=20)
    quantizer.codebook.data.normal_().mul_(0.1).add_(4)
    without = cls(128, 8, kmeans_init=False, revive_after=0)
    without.load_state_dict(quantizer.state_dict())
    train(without, batch, 40)
    train(quantizer, batch, 400, lr=0.02)
    assert share_used(without, batch) < 0.5  # the start is a bad one
    assert share_used(quantizer, batch) >= 0.95
    assert torch.isfinite(quantizer.codebook).all()
    assert quantizer.codebook.norm(dim=1).max() < 1.2 * batch().norm(dim=1).max()


@both
def test_revival_is_due_exactly_after_so_many_steps(cls):
    quantizer = make(cls, num_codes=3, code_dim=2, revive_after=4)
    quantizer.codebook.data.copy_(torch.tensor([[0.0, 0], [90, 90], [-90, -90]]))
    z = torch.tensor([[0.0, 1], [1, 0], [0, -1]])
    for step in range(1, 5):
        far = quantizer.codebook.detach()[1:].norm(dim=1)
        assert (far > 100).all(), step
        quantizer(z)
    moved = quantizer.codebook.detach()[1:]
    assert torch.cdist(moved, z).min(1).values.max() == 0  # each onto a vector of the batch
    assert not torch.equal(moved[0], moved[1])  # and not both onto the same


@both
def test_more_dead_codes_than_vectors(cls):
    quantizer = make(cls, num_codes=10, code_dim=2, revive_after=1)
    quantizer.codebook.data.fill_(50.0)
    quantizer.codebook.data[0] = 0
    quantizer(torch.tensor([[0.0, 1], [1, 0]]))
    assert (quantizer.codebook.norm(dim=1) < 2).sum() == 3  # the living one and two revived


def test_a_revived_code_survives_the_next_step():
    """Its averages must say what its place says, or the next update pulls it back."""
    quantizer = make(EMAVectorQuantizer, num_codes=2, code_dim=2, revive_after=30)
    quantizer.codebook.copy_(torch.tensor([[4.0, 4], [90, 90]]))
    z = torch.tensor([[3.0, 3.0], [5, 5]])
    for _ in range(30):
        quantizer(torch.cat([z, torch.tensor([[90.0, 90]])]))  # it lives, and has mass
    for _ in range(30):
        quantizer(z)
    revived = quantizer.codebook[1].clone()
    assert torch.cdist(revived[None], z).min() < 1e-6
    quantizer(quantizer.codebook[:1].clone())  # nobody chooses it in this step
    torch.testing.assert_close(quantizer.codebook[1], revived, rtol=1e-3, atol=0)
    assert quantizer(revived[None] + 0.1).indices == 1
    assert 0 < (quantizer.codebook[1] - revived).norm() < 0.15


@both
def test_recently_used_counts_what_was_chosen(cls):
    """Also where codes are revived: a revival is not a use."""
    for revive_after in (0, 7, 100):
        quantizer = make(cls, num_codes=4, code_dim=2, revive_after=revive_after)
        corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
        quantizer.codebook.data.copy_(corners)
        chosen = [quantizer(corners).indices.unique().tolist() for _ in range(3)]
        assert quantizer.recently_used == 1
        for _ in range(130):
            chosen.append(quantizer(corners[:1]).indices.unique().tolist())
            expected = len(set().union(*chosen[-100:])) / 4
            assert quantizer.recently_used == expected, (revive_after, len(chosen))
        assert revive_after or expected == 0.25


@both
def test_recently_used_from_the_first_step_on(cls):
    """Not 1 because there were few steps yet."""
    quantizer = make(cls, num_codes=4, code_dim=2, revive_after=0)
    assert quantizer.recently_used == 0
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    quantizer.codebook.data.copy_(corners)
    quantizer(corners[:1])
    assert quantizer.recently_used == 0.25
    quantizer(corners[1:2])
    assert quantizer.recently_used == 0.5


# --- initialisation -----------------------------------------------------------------------------


@both
def test_kmeans_happens_once_at_the_first_training_batch(cls):
    quantizer = cls(5, D, revive_after=0)
    assert not quantizer.initialised
    start = quantizer.codebook.detach().clone()
    assert start.abs().max() <= 1 / 5
    quantizer.eval()(features())
    assert torch.equal(quantizer.codebook, start)
    assert not quantizer.initialised

    centres = 20 * torch.randn(5, D)
    z = centres.repeat(8, 1) + 0.01 * torch.randn(40, D)
    q = quantizer.train()(z)
    assert quantizer.initialised
    assert torch.cdist(centres, quantizer.codebook.detach()).min(1).values.max() < 0.1
    assert q.codebook_loss < 0.01  # the batch itself was quantised with the new codes

    placed = quantizer.codebook.detach().clone()
    quantizer(z + 1000)
    moved = (quantizer.codebook.detach() - placed).norm(dim=1)
    if cls is VectorQuantizer:
        assert moved.max() == 0
    else:
        assert (moved < 1e-3).sum() == 4  # the average moved the one code that was nearest


@both
def test_without_kmeans_the_start_is_random(cls):
    quantizer = cls(5, D, kmeans_init=False, revive_after=0)
    assert quantizer.initialised
    start = quantizer.codebook.detach().clone()
    assert 0 < start.abs().max() <= 1 / 5
    assert start.unique().numel() > 10
    q = quantizer(features())
    torch.testing.assert_close(q.z_q, start[q.indices].movedim(-1, 1), rtol=0, atol=1e-6)


@both
def test_fewer_vectors_than_codes_at_the_start(cls):
    quantizer = cls(32, D, revive_after=2)
    for _ in range(5):
        q = quantizer(torch.randn(3, D))
    assert torch.isfinite(q.z_q).all()
    assert torch.isfinite(quantizer.codebook).all()


# --- state --------------------------------------------------------------------------------------


def run(quantizer, optimizer, batches):
    out = []
    for z in batches:
        q = quantizer(z)
        if optimizer:
            optimizer.zero_grad()
            q.loss.backward()
            optimizer.step()
        out.append(q.z_q.detach())
    return out


@both
def test_state_survives_a_checkpoint(cls, tmp_path):
    """Saved after 12 of 30 steps and continued elsewhere: the same run, bit for bit."""

    def build():
        quantizer = cls(16, D, decay=0.9, revive_after=5)
        return quantizer, torch.optim.SGD(quantizer.parameters(), 0.1) if cls is not (
            EMAVectorQuantizer
        ) else None

    batches = [torch.randn(2, D, 3, 3) for _ in range(30)]
    torch.manual_seed(1)
    one, optimizer = build()
    run(one, optimizer, batches[:12])
    torch.save((one.state_dict(), torch.get_rng_state()), tmp_path / "state.pt")
    expected = run(one, optimizer, batches[12:])

    state, random = torch.load(tmp_path / "state.pt")
    other, optimizer = build()
    other.load_state_dict(state)
    torch.set_rng_state(random)
    for a, b in zip(expected, run(other, optimizer, batches[12:]), strict=True):
        assert torch.equal(a, b)
    for name, value in other.state_dict().items():
        assert torch.equal(value, one.state_dict()[name]), name


# --- shapes, types, layouts ---------------------------------------------------------------------


@both
def test_positions_do_not_mix(cls):
    """1-D, 2-D and 3-D maps of the same vectors give the same codes, one position at a time."""
    quantizer = make(cls).eval()
    z = torch.randn(2, D, 12)
    flat = quantizer(z)
    for space in ((3, 4), (2, 3, 2)):
        q = quantizer(z.view(2, D, *space))
        assert torch.equal(q.indices.flatten(1), flat.indices)
        assert torch.equal(q.z_q.flatten(2), flat.z_q)
    alone = quantizer(z[1, :, 7][None])
    assert alone.indices.shape == (1,)
    assert alone.indices[0] == flat.indices[1, 7]


@both
def test_layout_in_memory_does_not_matter(cls):
    a, z = make(cls), torch.randn(2, D, 5, 3)
    b = copy.deepcopy(a)
    qa, qb = a(z), b(z.to(memory_format=torch.channels_last))
    assert torch.equal(qa.indices, qb.indices)
    assert torch.equal(qa.z_q, qb.z_q)
    assert torch.equal(qa.loss, qb.loss)
    assert torch.equal(a.codebook, b.codebook)


@both
@pytest.mark.parametrize("seed", range(3))
def test_names_of_codes_do_not_matter(cls, seed):
    """Permuting the codebook permutes the indices, and after training steps the codebook."""
    torch.manual_seed(seed)
    a, order = make(cls), torch.randperm(K)
    b = copy.deepcopy(a)
    b.codebook.data.copy_(a.codebook.detach()[order])
    for _ in range(4):
        z = torch.randn(2, D, 4, 4)
        qa, qb = a(z), b(z)
        assert torch.equal(qa.indices, order[qb.indices])
        torch.testing.assert_close(qa.z_q, qb.z_q)
        torch.testing.assert_close(qa.loss, qb.loss)
        torch.testing.assert_close(a.codebook.detach()[order], b.codebook.detach())


@both
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_float_types_are_quantised_in_float32(cls, dtype):
    quantizer = make(cls).eval()
    z_e = torch.randn(3, D, 4, 4).to(dtype).requires_grad_()
    q, reference = quantizer(z_e), quantizer(z_e.detach().float())
    assert q.z_q.dtype == dtype
    assert q.loss.dtype == torch.float32
    assert torch.equal(q.indices, reference.indices)
    assert torch.equal(q.z_q, reference.z_q.to(dtype))
    (q.z_q.sum() + q.loss).backward()
    assert z_e.grad.dtype == dtype
    assert torch.isfinite(z_e.grad).all()


@both
def test_float32_under_mixed_precision(cls):
    """Hundreds of codes close together: bfloat16, with its 8 bits, would choose others."""
    a = make(cls, num_codes=512, code_dim=16)
    a.codebook.data.mul_(0.01).add_(3)
    b, z = copy.deepcopy(a), 3 + 0.01 * torch.randn(4, 16, 6, 6)
    rounded = assign(as_vectors(z).bfloat16(), a.codebook.detach().bfloat16())
    plain = a(z)
    assert (rounded != plain.indices.flatten()).float().mean() > 0.5  # else nothing is tested
    with torch.autocast("cpu", torch.bfloat16):
        mixed = b(z)
        half = b.eval()(z.bfloat16())
    assert torch.equal(mixed.indices, plain.indices)
    assert torch.equal(mixed.z_q, plain.z_q)
    assert torch.equal(mixed.loss, plain.loss)
    assert torch.equal(a.codebook, b.codebook)
    assert mixed.z_q.dtype == torch.float32
    assert half.z_q.dtype == torch.bfloat16  # what comes in half goes out half


@both
def test_what_is_saved_and_what_is_a_parameter(cls):
    quantizer = cls(K, D)
    assert [*dict(quantizer.named_parameters())] == (["codebook"] if cls is VectorQuantizer else [])
    assert {"codebook", "steps_unused", "initialised"} <= set(quantizer.state_dict())
    assert "num_codes=6, code_dim=4, beta=0.25" in repr(quantizer)


# --- errors -------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("z", "message"),
    [
        (torch.zeros(2, D + 1, 3, 3), r"needs \(B, 4, \.\.\.\).*got \(2, 5, 3, 3\)"),
        (torch.zeros(2, 3, 3, D), "channels second"),
        (torch.zeros(D), r"got \(4,\)"),
        (torch.tensor(1.0), r"got \(\)"),
        (torch.zeros(2, D, 3, dtype=torch.int64), r"floating-point features; got torch\.int64"),
        (torch.zeros(2, D, dtype=torch.complex64), r"floating-point features"),
        (torch.zeros(0, D, 3, 3), r"no vectors: shape \(0, 4, 3, 3\)"),
        (torch.zeros(2, D, 0), "no vectors"),
        (torch.full((2, D, 3), math.nan), "NaN or infinity"),
        (torch.full((2, D, 3), math.inf), "NaN or infinity"),
        (torch.full((2, D, 3), -math.inf, dtype=torch.bfloat16), "NaN or infinity"),
    ],
)
def test_bad_features(cls, z, message):
    quantizer = make(cls)
    before = copy.deepcopy(quantizer.state_dict())
    with pytest.raises(InputError, match=message):
        quantizer(z)
    for name, value in quantizer.state_dict().items():
        assert torch.equal(value, before[name]), name  # nothing was learned from it


@both
def test_one_bad_number_is_enough(cls):
    z = torch.randn(2, D, 5, 5)
    z[1, 2, 3, 4] = math.nan
    with pytest.raises(InputError, match="NaN or infinity"):
        make(cls)(z)


@both
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_codes": 0}, "num_codes and code_dim must be >= 1; got 0, 4"),
        ({"code_dim": 0}, "got 6, 0"),
        ({"beta": -0.1}, "got beta=-0.1"),
        ({"revive_after": -1}, "revive_after=-1"),
        ({"decay": 1.0}, r"decay in \[0, 1\); got .* decay=1.0"),
        ({"decay": -0.5}, "decay=-0.5"),
    ],
)
def test_bad_arguments(cls, arguments, message):
    with pytest.raises(InputError, match=message):
        cls(**({"num_codes": K, "code_dim": D} | arguments))


@both
@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (torch.tensor([[0, K]]), r"must lie in \[0, 6\); got 0 to 6"),
        (torch.tensor([[-1, 2]]), "got -1 to 2"),
        (torch.tensor([[0.0]]), r"must be integers; got torch\.float32"),
        (torch.tensor([[True]]), r"must be integers; got torch\.bool"),
    ],
)
def test_bad_indices(cls, indices, message):
    with pytest.raises(InputError, match=message):
        make(cls).lookup(indices)


def test_every_error_is_a_value_error():
    with pytest.raises(ValueError, match="NaN"):
        make(VectorQuantizer)(torch.full((1, D), math.nan))


def test_a_gradient_step_lowers_the_codebook_loss():
    quantizer, z_e = make(VectorQuantizer), features().detach()
    before = quantizer(z_e).codebook_loss
    before.backward()
    with torch.no_grad():
        quantizer.codebook -= 0.1 * quantizer.codebook.grad
    e = F.embedding(quantizer(z_e).indices, quantizer.codebook).movedim(-1, 1)
    assert F.mse_loss(e, z_e) < before


def test_a_chosen_code_moves_however_slow_the_averages():
    """One vector adds 1 - γ to N, which may be less than what counts as faded."""
    quantizer = make(EMAVectorQuantizer, num_codes=2, code_dim=1, decay=0.9995, revive_after=0)
    quantizer.codebook.copy_(torch.tensor([[0.0], [10.0]]))
    quantizer.steps.fill_(100_000)  # no debiasing any more
    quantizer(torch.tensor([[1.0], [10.0]]))
    assert quantizer.codebook[0, 0] == pytest.approx(1, abs=0.05)
