"""Drawing one token: the limits of temperature and top-k, and the frequencies."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vqedu.errors import InputError
from vqedu.priors import GatedPixelCNN, MaskedTransformer, Transformer, bits, draw
from vqedu.priors.sampling import noise_device


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_frequencies_follow_the_softmax():
    logits = torch.tensor([2.0, 0.0, -1.0, 1.0])
    for temperature in (1.0, 0.5, 2.0):
        drawn = draw(logits.repeat(40_000, 1), temperature=temperature, generator=seeded())
        frequency = drawn.bincount(minlength=4) / 40_000
        expected = (logits / temperature).exp() / (logits / temperature).exp().sum()
        torch.testing.assert_close(frequency, expected, rtol=0, atol=0.01)


def test_top_k_keeps_the_ratios_of_those_it_keeps():
    logits = torch.tensor([2.0, 0.0, -1.0, 1.0])
    drawn = draw(logits.repeat(40_000, 1), top_k=2, generator=seeded())
    frequency = drawn.bincount(minlength=4) / 40_000
    share = 1 / (1 + torch.tensor(-1.0).exp())
    expected = torch.tensor([share, 0, 0, 1 - share])
    torch.testing.assert_close(frequency, expected, rtol=0, atol=0.01)


def test_temperature_limits():
    logits = torch.randn(200, 9, generator=seeded())
    assert torch.equal(draw(logits, temperature=1e-4), logits.argmax(1))
    hot = draw(logits[:1].repeat(20_000, 1), temperature=1e4, generator=seeded())
    torch.testing.assert_close(
        hot.bincount(minlength=9) / 20_000, torch.full((9,), 1 / 9), rtol=0, atol=0.01
    )


@settings(max_examples=50, deadline=None)
@given(k=st.integers(1, 12), top_k=st.integers(1, 12), seed=st.integers(0, 2**20))
def test_top_k_never_draws_outside(k, top_k, seed):
    top_k = min(top_k, k)
    logits = torch.randn(20, k, generator=seeded(seed))
    drawn = draw(logits, top_k=top_k, temperature=5.0, generator=seeded(seed))
    assert drawn.shape == (20,)
    assert drawn.dtype == torch.int64
    rank = (logits > logits.gather(1, drawn[:, None])).sum(1)
    assert (rank < top_k).all()
    if top_k == 1:
        assert torch.equal(drawn, logits.argmax(1))


def test_each_row_has_its_own_distribution():
    logits = torch.full((50, 50), -50.0)
    logits.fill_diagonal_(50.0)
    assert torch.equal(draw(logits), torch.arange(50))


def test_generator_repeats():
    logits = torch.zeros(100, 20)
    one, again, other = (draw(logits, generator=seeded(s)) for s in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_without_a_generator_torchs_own_seed_counts():
    logits = torch.zeros(100, 20)
    torch.manual_seed(5)
    one = draw(logits)
    torch.manual_seed(5)
    assert torch.equal(one, draw(logits))


def test_half_precision_and_input_left_alone():
    logits = torch.randn(30, 8, generator=seeded()).bfloat16()
    before = logits.clone()
    assert torch.equal(draw(logits, top_k=1, temperature=0.5), logits.argmax(1))
    assert torch.equal(logits, before)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_bad_temperature(temperature):
    with pytest.raises(InputError, match="temperature must be above 0; got"):
        draw(torch.zeros(1, 4), temperature=temperature)


@pytest.mark.parametrize("top_k", [0, 5, -1])
def test_bad_top_k(top_k):
    with pytest.raises(InputError, match=rf"top_k must lie in \[1, 4\]; got {top_k}"):
        draw(torch.zeros(1, 4), top_k=top_k)


def test_ties_do_not_widen_top_k():
    drawn = draw(torch.zeros(500, 9), top_k=3, generator=seeded())
    assert drawn.unique().numel() == 3


def nucleus(logits, top_p):
    """The codes of the nucleus, one added after the other."""
    p, kept, total = logits.softmax(0).tolist(), [], 0.0
    for code in sorted(range(len(p)), key=lambda code: -p[code]):
        kept.append(code)
        total += p[code]
        if total >= top_p:
            break
    return kept


@settings(max_examples=30, deadline=None)
@given(k=st.integers(1, 9), top_p=st.floats(0.01, 1.0), seed=st.integers(0, 2**20))
def test_top_p_draws_from_the_nucleus_and_all_of_it(k, top_p, seed):
    logits = torch.randn(k, generator=seeded(seed))
    drawn = draw(logits.repeat(3000, 1), top_p=top_p, generator=seeded(seed))
    frequency = drawn.bincount(minlength=k) / 3000
    kept = nucleus(logits, top_p)
    expected = torch.zeros(k)
    expected[kept] = logits[kept].softmax(0)
    assert (frequency[expected == 0] == 0).all()
    torch.testing.assert_close(frequency, expected, rtol=0, atol=0.06)


def test_top_p_of_each_row():
    """A row that is certain keeps one code, a row that is not keeps more."""
    logits = torch.stack([torch.tensor([9.0, 0, 0, 0]), torch.zeros(4)]).repeat(1000, 1)
    drawn = draw(logits, top_p=0.6, generator=seeded()).view(1000, 2)
    assert drawn[:, 0].unique().tolist() == [0]
    assert drawn[:, 1].unique().numel() == 3


def test_top_p_comes_after_temperature_and_top_k():
    logits = torch.tensor([0.5, 0.2, 0.2, 0.1]).log().repeat(2000, 1)
    codes = draw(logits, top_p=0.85, generator=seeded()).unique().tolist()
    assert codes == [0, 1, 2]
    codes = draw(logits, top_p=0.85, temperature=0.25, generator=seeded()).unique().tolist()
    assert codes == [0]
    codes = draw(logits, top_p=0.7, top_k=2, generator=seeded()).unique()  # 0.5 / 0.7 > 0.7
    assert codes.tolist() == [0]


@pytest.mark.parametrize("top_p", [0, -0.5, 1.01, float("nan")])
def test_bad_top_p(top_p):
    with pytest.raises(InputError, match=r"top_p must lie in \(0, 1\]; got"):
        draw(torch.zeros(1, 4), top_p=top_p)


@pytest.mark.parametrize("u", [0.0, 1 - 2**-24])
def test_the_ends_of_the_random_numbers_meet_no_code_of_probability_0(monkeypatch, u):
    monkeypatch.setattr(torch, "rand", lambda shape, **options: torch.full(shape, u))
    logits = torch.full((1, 6), -torch.inf)
    logits[0, 2:4] = torch.tensor([0.3, 0.1])
    assert draw(logits).item() == (3 if u == 0 else 2)


def test_a_sum_that_rises_by_rounding_draws_no_impossible_code(monkeypatch):
    """As a sum in parallel may, where codes have probability 0; here by far more than it may."""
    exact = torch.Tensor.cumsum

    def rough(p, dim):
        return exact(p, dim) + 0.05 * torch.randn(p.shape, generator=seeded(1))

    monkeypatch.setattr(torch.Tensor, "cumsum", rough)
    logits = torch.full((4000, 64), -torch.inf)
    logits[:, 5::9] = torch.randn(4000, 7, generator=seeded())
    logits[:, 23] = -80.0  # possible, if hardly
    drawn = draw(logits, generator=seeded())
    assert logits.gather(1, drawn[:, None]).isfinite().all()
    assert set(drawn.tolist()) >= {5, 14, 32, 41, 50, 59}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1e-38, 1e-30, 1e-8, 1.0]), min_size=1), st.integers(0, 999))
def test_only_possible_codes_are_drawn(weights, seed):
    p = torch.tensor([*weights, 1e-12])
    drawn = draw(p.log().repeat(100, 1), generator=seeded(seed))
    assert (p.log().softmax(0)[drawn] > 0).all()


def test_random_numbers_come_from_the_generators_device():
    far = torch.empty(2, device="meta")
    assert noise_device(far, seeded()) == torch.device("cpu")
    assert noise_device(far, None) == far.device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("prior", [GatedPixelCNN, Transformer, MaskedTransformer])
def test_one_generator_for_every_device(prior):
    torch.manual_seed(0)
    logits, model = torch.randn(20, 9), prior(9, 2, (3, 4), width=8, layers=1)
    for device in ("cpu", "cuda"):
        generators = [torch.Generator(device).manual_seed(0) for _ in range(4)]
        far = draw(logits.cuda(), generator=generators[0])
        assert far.is_cuda
        assert torch.equal(far.cpu(), draw(logits, generator=generators[1]))
        there = model.cuda().sample([0, 1], generator=generators[2])
        assert there.is_cuda
        assert torch.equal(there.cpu(), model.cpu().sample([0, 1], generator=generators[3]))
    if prior is not MaskedTransformer:
        costs = bits(model.cuda(), there, torch.tensor([0, 1]))
        torch.testing.assert_close(costs, bits(model.cpu(), there, torch.tensor([0, 1])))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_not_finite(bad):
    logits = torch.zeros(3, 4)
    logits[1, 2] = bad
    with pytest.raises(InputError, match="NaN or not finite"):
        draw(logits)
    with pytest.raises(InputError, match="NaN or not finite"):
        draw(torch.full((1, 4), -torch.inf))
