"""What holds for every quantiser: shapes, types, layouts, look-up, state, precision, errors."""

import copy
import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from vqedu import quantizers
from vqedu.errors import InputError
from vqedu.quantizers import BY_NAME, Quantizer
from vqedu.quantizers.kmeans import CHUNK_ENTRIES

NAMES = ["vq", "ema", "cosine", "rotation", "sim", "gumbel", "fsq", "lfq", "residual"]
every = pytest.mark.parametrize("name", NAMES)
K, D = 16, 4
STRAIGHT = ("vq", "ema", "sim", "residual")  # the gradient of z_q comes to z_e unchanged
DRAWS = ("gumbel",)  # training mode gives mixtures of codes


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def build(name, num_codes=K, code_dim=D, **options):
    quantizer = BY_NAME[name](num_codes, code_dim, **options)
    if hasattr(quantizer, "codebook") and options.get("kmeans_init") is False:
        quantizer.codebook.data.normal_()
    return quantizer


def step(quantizer, z, seed=0, lr=0.1):
    """One training step on (the sum of z_q², the quantiser's loss); -> what it returned."""
    torch.manual_seed(seed)
    q = quantizer(z)
    parameters = list(quantizer.parameters())
    if parameters:
        total = q.loss + q.z_q.float().square().mean()
        with torch.no_grad():
            gradients = torch.autograd.grad(total, parameters, allow_unused=True)
            for p, g in zip(parameters, gradients, strict=True):
                if g is not None:
                    p -= lr * g
    return q


def same_state(a, b):
    b = b.state_dict()
    for name, value in a.state_dict().items():
        assert torch.equal(value, b[name]), name


def test_names():
    assert list(BY_NAME) == NAMES
    assert all(issubclass(cls, Quantizer) for cls in BY_NAME.values())
    for cls in BY_NAME.values():
        assert getattr(quantizers, cls.__name__) is cls
        assert cls.__name__ in quantizers.__all__


@every
def test_one_signature(name):
    """The common options go to each of them; what a method takes besides has a default."""
    common = {"beta": 0.5, "decay": 0.9, "kmeans_init": False, "revive_after": 7}
    quantizer = BY_NAME[name](K, D, **common)
    assert (quantizer.num_codes, quantizer.code_dim) == (K, D)
    for option, value in common.items():
        assert getattr(quantizer, option) == value
    for parameter in list(inspect.signature(BY_NAME[name]).parameters.values())[2:]:
        assert parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD)
    with pytest.raises(TypeError, match="unexpected keyword argument 'tau'"):
        BY_NAME[name](K, D, tau=1)


@every
@settings(max_examples=12, deadline=None)
@given(
    batch=st.integers(1, 3),
    dim=st.integers(1, 6),
    codes=st.sampled_from([4, 8, 16, 64]),
    space=st.lists(st.integers(1, 4), max_size=3),
    training=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
    channels_last=st.booleans(),
)
def test_shapes_types_layouts(name, batch, dim, codes, space, training, dtype, channels_last):
    quantizer = BY_NAME[name](codes, dim, revive_after=1).train(training)
    z_e = torch.randn(batch, dim, *space, dtype=dtype)
    if channels_last and len(space) == 2:
        z_e = z_e.contiguous(memory_format=torch.channels_last)
    z_e.requires_grad_()
    q = quantizer(z_e)
    levels = [4] if name == "residual" else []
    assert (q.z_q.shape, q.z_q.dtype) == (z_e.shape, dtype)
    assert q.indices.shape == (batch, *space, *levels)
    assert q.indices.dtype == torch.int64
    assert 0 <= q.indices.min() <= q.indices.max() < codes
    assert torch.isfinite(q.z_q).all()
    for scalar in (q.loss, q.codebook_loss, q.commitment_loss):
        assert (scalar.shape, scalar.dtype) == ((), torch.float32)
        assert torch.isfinite(scalar)
    for value in quantizer.state_dict().values():
        assert torch.isfinite(value).all()
    if training or name not in DRAWS:
        (q.z_q.sum() + q.loss * 0).backward()
        assert torch.isfinite(z_e.grad).all()
        if name in STRAIGHT:
            assert torch.equal(z_e.grad, torch.ones_like(z_e))


@every
def test_look_up_gives_what_evaluation_gave(name):
    quantizer = build(name, kmeans_init=False).eval()
    q = quantizer(torch.randn(2, D, 3, 5))
    codes = quantizer.lookup(q.indices)
    assert codes.shape == (2, D, 3, 5)
    torch.testing.assert_close(codes, q.z_q, rtol=0, atol=2e-6)
    for dtype in (torch.int32, torch.uint8):  # as small as they may have been stored
        assert torch.equal(quantizer.lookup(q.indices.to(dtype)), codes)
    assert torch.equal(quantizer.lookup(q.indices[1:]), codes[1:])
    assert quantizer.lookup(q.indices[:0]).shape == (0, D, 3, 5)


@every
def test_training_gives_the_codes_too(name):
    quantizer = build(name, kmeans_init=False, revive_after=0)
    before = copy.deepcopy(quantizer)
    q = quantizer(torch.randn(2, D, 3, 5))
    codes = before.lookup(q.indices)
    distance = (q.z_q - codes).abs().max()
    assert (distance > 0.01) if name in DRAWS else (distance < 2e-6)


@every
def test_evaluation_learns_nothing(name):
    quantizer = BY_NAME[name](K, D, revive_after=1).eval()
    before = copy.deepcopy(quantizer)
    for _ in range(2):
        quantizer(torch.randn(2, D, 3, 5))
    same_state(quantizer, before)


@every
def test_positions_do_not_mix(name):
    quantizer = build(name, kmeans_init=False).eval()
    z = torch.randn(2, D, 12)
    flat = quantizer(z)
    grid = quantizer(z.view(2, D, 3, 4))
    assert torch.equal(grid.indices.flatten(1, 2), flat.indices)
    torch.testing.assert_close(grid.z_q.flatten(2), flat.z_q, rtol=0, atol=1e-6)
    alone = quantizer(z[1, :, 7][None])
    assert torch.equal(alone.indices[0], flat.indices[1, 7])
    torch.testing.assert_close(alone.z_q[0], flat.z_q[1, :, 7], rtol=0, atol=1e-6)


@every
def test_layout_in_memory_does_not_matter(name):
    a, z = build(name), torch.randn(3, D, 5, 3)
    b = copy.deepcopy(a)
    for seed in range(2):
        qa = step(a, z, seed)
        qb = step(b, z.to(memory_format=torch.channels_last), seed)
        assert torch.equal(qa.indices, qb.indices)
        torch.testing.assert_close(qa.z_q, qb.z_q)
        torch.testing.assert_close(qa.loss, qb.loss)


@every
def test_float32_under_mixed_precision(name):
    a, z = build(name), torch.randn(3, D, 5, 3)
    b = copy.deepcopy(a)
    for seed in range(2):
        plain = step(a, z, seed)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = step(b, z, seed)
            half = b(z.bfloat16())
            looked_up = b.eval().lookup(plain.indices)
        b.train().load_state_dict(a.state_dict())
        assert torch.equal(mixed.z_q, plain.z_q)
        assert torch.equal(mixed.indices, plain.indices)
        assert torch.equal(mixed.loss, plain.loss)
        assert looked_up.dtype == torch.float32
        assert half.z_q.dtype == torch.bfloat16  # what comes in half goes out half


@every
def test_half_precision_is_quantised_in_float32(name):
    quantizer = build(name, kmeans_init=False).eval()
    z = torch.randn(3, D, 4, 4).bfloat16()
    q, reference = quantizer(z), quantizer(z.float())
    assert torch.equal(q.indices, reference.indices)
    assert torch.equal(q.z_q, reference.z_q.bfloat16())
    assert torch.equal(q.loss, reference.loss)


@every
def test_a_checkpoint_continues_the_run(name, tmp_path):
    batches = torch.randn(10, 2, D, 3, 3)
    one = BY_NAME[name](K, D, revive_after=3)
    for i in range(5):
        step(one, batches[i], seed=i)
    torch.save(one.state_dict(), tmp_path / "state.pt")
    other = BY_NAME[name](K, D, revive_after=3)
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    for i in range(5, 10):
        assert torch.equal(step(one, batches[i], i).z_q, step(other, batches[i], i).z_q)
    same_state(one, other)
    assert one.steps == 10


@every
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu(name):
    a, z = build(name, kmeans_init=False).eval(), torch.randn(2, D, 4, 4)
    b = copy.deepcopy(a).cuda()
    qa, qb = a(z), b(z.cuda())
    assert torch.equal(qa.indices, qb.indices.cpu())
    torch.testing.assert_close(qa.z_q, qb.z_q.cpu())
    torch.testing.assert_close(a.lookup(qa.indices), b.lookup(qb.indices).cpu())
    fresh = BY_NAME[name](K, D, revive_after=2).cuda()
    for seed in range(5):
        assert step(fresh, torch.randn(2, D, 4, 4, device="cuda"), seed).z_q.is_cuda
    for value in fresh.state_dict().values():
        assert torch.isfinite(value).all()


@every
def test_recently_used_is_what_was_chosen(name):
    quantizer = build(name, revive_after=0)
    assert quantizer.recently_used == 0
    levels = 4 if name == "residual" else 1
    chosen = set()
    for _ in range(3):
        indices = quantizer(torch.randn(5, D)).indices.view(-1, levels)
        chosen |= {(i, k) for row in indices.tolist() for i, k in enumerate(row)}
    assert quantizer.recently_used == pytest.approx(len(chosen) / (K * levels), abs=1e-6)
    assert quantizer.steps == 3
    assert (quantizer.steps_unused == 3).sum() == K * levels - len(chosen)


class Largest(TorchDispatchMode):
    """The largest tensor that an operation returns inside, in numbers."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.numel = max(self.numel, out.numel())
        return out


@pytest.mark.parametrize("name", [n for n in NAMES if n != "gumbel"])
def test_not_every_distance_at_once(name):
    """N·K is twice what a slice may hold, and more than anything else that is needed."""
    n, k = 2048, 1024
    assert n * k == 2 * CHUNK_ENTRIES
    quantizer = BY_NAME[name](k, D, kmeans_init=False)
    z_e = torch.randn(n, D, requires_grad=True)
    with Largest() as largest:
        q = quantizer(z_e)
        (q.z_q.sum() + q.loss).backward()
    assert 0 < largest.numel <= CHUNK_ENTRIES


# --- errors -------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize(
    ("z", "message"),
    [
        (torch.zeros(2, D + 1, 3, 3), r"needs \(B, 4, \.\.\.\).*got \(2, 5, 3, 3\)"),
        (torch.zeros(D), r"got \(4,\)"),
        (torch.zeros(2, D, 3, dtype=torch.int64), r"floating-point features; got torch\.int64"),
        (torch.zeros(0, D, 3, 3), r"no vectors: shape \(0, 4, 3, 3\)"),
        (torch.full((2, D, 3), math.nan), "NaN or infinity"),
        (torch.tensor([[math.inf, -math.inf, 0, 0]], dtype=torch.float16), "NaN or infinity"),
    ],
)
def test_bad_features(name, z, message):
    quantizer = build(name)
    before = copy.deepcopy(quantizer)
    with pytest.raises(InputError, match=message):
        quantizer(z)
    same_state(quantizer, before)  # nothing was learned from it


@every
def test_large_numbers_are_not_infinite(name):
    """Their sum is: only the numbers themselves say whether they are finite."""
    z = torch.full((4, D), 6e4, dtype=torch.float16)
    assert not torch.isfinite(z.sum())
    assert torch.isfinite(build(name).eval()(z).loss)


@every
@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (torch.tensor([[0, 1, 2, K]]), r"must lie in \[0, 16\); got 0 to 16"),
        (torch.tensor([[-1, 2, 0, 0]]), "got -1 to 2"),
        (torch.tensor([[0.0]]), r"must be integers; got torch\.float32"),
        (torch.tensor([[True]]), r"must be integers; got torch\.bool"),
    ],
)
def test_bad_indices(name, indices, message):
    with pytest.raises(InputError, match=message):
        build(name).lookup(indices)


@every
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_codes": 0}, "got.* 0"),
        ({"code_dim": 0}, "must be >= 1; got 16, 0"),
        ({"beta": -0.1}, "got beta=-0.1"),
        ({"revive_after": -1}, "revive_after=-1"),
        ({"decay": 1.0}, r"decay in \[0, 1\); got .* decay=1.0"),
    ],
)
def test_bad_arguments(name, arguments, message):
    with pytest.raises(InputError, match=message):
        BY_NAME[name](**({"num_codes": K, "code_dim": D} | arguments))


@every
@pytest.mark.parametrize("cast", ["half", "bfloat16", "double"])
def test_a_model_cast_to_another_precision_keeps_its_codes_in_float32(name, cast):
    quantizer = getattr(build(name), cast)()
    z = getattr(torch.randn(2, D, 3, 3), cast)()
    q = quantizer.eval()(z)
    assert q.z_q.dtype == z.dtype
    floats = [t for t in quantizer.state_dict().values() if t.is_floating_point()]
    assert {t.dtype for t in floats} <= {torch.float32}
