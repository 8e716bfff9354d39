"""What is masked in training, what is filled in and when, and that it learns."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vqedu import checkpoints
from vqedu.errors import InputError
from vqedu.objectives import MaskedPriorObjective
from vqedu.priors import MaskedTransformer
from vqedu.priors.masked import schedule

K = 6


def build(grid=(3, 4), num_classes=3, **options):
    torch.manual_seed(0)
    options = {"width": 16, "layers": 2, "heads": 4} | options
    model = MaskedTransformer(K, num_classes, grid, **options).double().eval()
    for p in model.parameters():
        nn.init.normal_(p, 0, 0.3)
    return model


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def record(model):
    """A list that receives the grids (B, h·w) that the network sees, K where masked."""
    seen = []
    model.net.register_forward_pre_hook(lambda module, args: seen.append(args[0][:, 1:].clone()))
    return seen


def test_every_token_is_felt_at_every_position():
    """Earlier, later, and the position itself; so is the class, and that a token is masked."""
    model, labels = build(), torch.tensor([1])
    indices = torch.randint(K, (1, 3, 4))
    reference = model(indices, labels)
    assert reference.shape == (1, K, 3, 4)
    for t in range(12):
        for value in ((indices.view(-1)[t] + 1) % K, model.mask):
            changed = indices.clone()
            changed.view(-1)[t] = value
            assert ((model(changed, labels) - reference).abs().amax(1) > 1e-7).all()
    assert ((model(indices, torch.tensor([2])) - reference).abs().amax(1) > 1e-7).all()


def test_mask_and_classes_have_indices_of_their_own():
    model = build(num_classes=2)
    assert model.mask == K
    assert model.net.embed.num_embeddings == K + 1 + 2
    logits = model(torch.full((1, 3, 4), K), torch.tensor([1]))
    felt = torch.autograd.grad(logits.square().sum(), model.net.embed.weight)[0].abs().sum(1)
    assert felt.nonzero().flatten().tolist() == [K, K + 2]


def test_blocks_do_not_look_at_a_mask():
    """One block against torch's own encoder layer without a mask."""
    model, labels = build(layers=1), torch.tensor([0, 2])
    indices, net = torch.randint(K + 1, (2, 3, 4)), model.net
    block = net.blocks[0]
    x = net.embed(torch.cat([K + 1 + labels[:, None], indices.flatten(1)], 1)) + net.position
    y, _ = F.multi_head_attention_forward(
        *[block.norm1(x).transpose(0, 1)] * 3,
        embed_dim_to_check=16,
        num_heads=4,
        in_proj_weight=block.qkv.weight,
        in_proj_bias=block.qkv.bias,
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=block.out.weight,
        out_proj_bias=block.out.bias,
    )
    x = x + y.transpose(0, 1)
    x = x + block.down(F.gelu(block.up(block.norm2(x))))
    expected = net.head(net.norm(x))[:, 1:].transpose(1, 2).view(2, K, 3, 4)
    torch.testing.assert_close(model(indices, labels), expected)


def test_schedule():
    """8 steps for 256 tokens, ⌈256 cos(πt/16)⌉; and where too many would stay, one fewer."""
    assert schedule(256, 8) == [252, 237, 213, 182, 143, 98, 50, 0]
    assert schedule(4, 4) == [3, 2, 1, 0]
    assert schedule(9, 1) == [0]
    for tokens in range(1, 20):
        for steps in range(1, tokens + 1):
            masked = [tokens, *schedule(tokens, steps)]
            assert len(masked) == steps + 1
            assert masked[-1] == 0
            assert all(a > b for a, b in itertools.pairwise(masked))


@pytest.mark.parametrize("steps", [1, 3, 8, 12])
def test_steps_follow_the_schedule_and_what_is_fixed_stays(steps):
    model, labels = build(), torch.tensor([0, 1, 2, 2, 0])
    seen = record(model)
    grid = model.sample(labels, steps=steps, generator=seeded())
    assert [(k == model.mask).sum(1).tolist() for k in seen] == [
        [masked] * 5 for masked in [12, *schedule(12, steps)][:-1]
    ]
    for before, after in zip(seen, [*seen[1:], grid.flatten(1)], strict=True):
        fixed = before != model.mask
        assert torch.equal(before[fixed], after[fixed])
    assert grid.shape == (5, 3, 4)
    assert 0 <= grid.min() <= grid.max() < K


def test_the_most_confident_stay():
    """Without noise, all is determined: the likeliest code, where it is likeliest."""
    model, labels = build(), torch.tensor([0, 1, 2])
    grid = torch.full((3, 12), K)
    for left in schedule(12, 5):
        with torch.no_grad():
            best, codes = model(grid.view(3, 3, 4), labels).flatten(2).softmax(1).max(1)
        for b in range(3):
            places = sorted((grid[b] == K).nonzero().flatten(), key=lambda at: -best[b, at])
            for at in places[: len(places) - left]:
                grid[b, at] = codes[b, at]
    sampled = model.sample(labels, steps=5, temperature=1e-5, choice_temperature=0)
    assert torch.equal(sampled.flatten(1), grid)


def test_noise_on_the_confidence():
    """Three places, three steps: which one stays first follows the softmax of the confidences
    divided by two thirds of the choice temperature (the Gumbel-max trick)."""
    model, labels = build((1, 3)), torch.zeros(20_000, dtype=torch.int64)
    logits = model(torch.full((1, 1, 3), K), labels[:1]).detach()
    confidence = logits.log_softmax(1).amax(1).flatten()
    scale = ((confidence.max() - confidence.min()) / 2).item()
    seen = record(model)
    options = {"steps": 3, "temperature": 1e-5, "generator": seeded()}
    model.sample(labels, choice_temperature=1.5 * scale, **options)
    share = (seen[1] != K).double().mean(0)
    torch.testing.assert_close(share, (confidence / scale).softmax(0), rtol=0, atol=0.015)


def test_tokens_are_drawn_with_the_temperature():
    model, labels = build((1, 1)), torch.zeros(20_000, dtype=torch.int64)
    logits = model(torch.full((1, 1, 1), K), labels[:1]).flatten().detach()
    for temperature in (1.0, 3.0):
        drawn = model.sample(labels, steps=1, temperature=temperature, generator=seeded())
        share = drawn.flatten().bincount(minlength=K) / 20_000
        expected = (logits / temperature).softmax(0).float()
        torch.testing.assert_close(share, expected, rtol=0, atol=0.015)


def test_generator_repeats_and_the_mode_comes_back():
    model, labels = build(dropout=0.5).train(), torch.tensor([0, 1, 2])
    one, again, other = (
        model.sample(labels, temperature=2.0, generator=seeded(s)) for s in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert model.training


def test_what_is_hidden_in_training():
    """As many as the cosine says: the share's mean is 2/π, its median cos(π/4), at any place."""
    model = MaskedTransformer(K, 1, (5, 8), width=8, layers=1, heads=1)
    torch.manual_seed(0)
    indices = torch.randint(K, (8000, 5, 8))
    hidden = model.hide(indices)
    masked = hidden == model.mask
    assert torch.equal(hidden[~masked], indices[~masked])
    count = masked.flatten(1).sum(1)
    assert count.unique().tolist() == list(range(1, 41))
    quantiles = torch.quantile(count / 40, torch.tensor([0.25, 0.5, 0.75]))
    expected = torch.cos(math.pi / 2 * torch.tensor([0.75, 0.5, 0.25]))
    torch.testing.assert_close(quantiles, expected, rtol=0, atol=0.03)
    place = masked.double().mean(0)
    torch.testing.assert_close(
        place, torch.full_like(place, 2 / math.pi + 0.5 / 40), atol=0.02, rtol=0
    )
    assert torch.corrcoef(masked[:, 0, :2].double().T)[0, 1] < 0.5  # places are drawn one by one


def test_learns_the_conditionals_of_a_known_source():
    """Class 0: the second token repeats the first with probability 0.9; class 1: with 0.6."""
    stay = torch.tensor([0.9, 0.6])
    torch.manual_seed(0)
    model = MaskedTransformer(2, 2, (1, 2), width=16, layers=2, heads=2, dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, 250)
    for _ in range(250):
        first, labels = torch.randint(2, (2, 256))
        repeat = torch.rand(256) < stay[labels]
        pairs = torch.stack([first, torch.where(repeat, first, 1 - first)], 1)
        optimizer.zero_grad()
        MaskedPriorObjective()(model, (pairs[:, None], labels)).total.backward()
        optimizer.step()
        rate.step()
    known = torch.tensor([[[0, model.mask]], [[model.mask, 1]]])
    for y, expected in ((0, 0.9), (1, 0.6)):
        p = model(known, torch.tensor([y, y])).softmax(1).detach()
        assert p[0, 0, 0, 1].item() == pytest.approx(expected, abs=0.06)  # second, given the first
        assert p[1, 1, 0, 0].item() == pytest.approx(expected, abs=0.06)  # and the reverse
        blank = model(torch.full((1, 1, 2), model.mask), torch.tensor([y])).softmax(1)
        assert blank[0, 0, 0, 0].item() == pytest.approx(0.5, abs=0.06)
        labels = torch.full((4000,), y)
        drawn = model.sample(labels, steps=2, generator=seeded()).flatten(1)
        share = (drawn[:, 0] == drawn[:, 1]).double().mean().item()
        assert share == pytest.approx(expected, abs=0.08)


def test_checkpoint(tmp_path):
    model = MaskedTransformer(K, 3, (3, 4), width=16, layers=2, heads=2, dropout=0.2)
    checkpoints.save(model, tmp_path / "prior.safetensors")
    other = checkpoints.load(tmp_path / "prior.safetensors")
    assert other.config == model.config
    assert other.net.blocks[1].dropout.p == 0.2
    indices, labels = torch.randint(K + 1, (2, 3, 4)), torch.tensor([0, 2])
    assert torch.equal(other(indices, labels), model.eval()(indices, labels))


def test_no_labels_no_grids():
    assert build().sample(torch.zeros(0, dtype=torch.int64)).shape == (0, 3, 4)


def test_inputs_are_checked():
    model, labels = build(), torch.tensor([0])
    with pytest.raises(InputError, match=r"indices must lie in \[0, 7\)"):
        model(torch.full((1, 3, 4), K + 1), labels)  # a class is no token
    with pytest.raises(InputError, match=r"grids of 3×4 tokens"):
        model(torch.zeros(1, 12, dtype=torch.int64), labels)
    with pytest.raises(InputError, match=r"labels must lie in \[0, 3\)"):
        model.sample(torch.tensor([3]))
    for steps in (0, 13):
        with pytest.raises(InputError, match=rf"steps must lie in \[1, 12\].*got {steps}"):
            model.sample(labels, steps=steps)
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="choice_temperature must be >= 0; got"):
            model.sample(labels, choice_temperature=bad)
    with pytest.raises(InputError, match="temperature must be above 0; got"):
        model.sample(labels, temperature=0)
    with pytest.raises(InputError, match="divisible by heads; got 8 and 3"):
        MaskedTransformer(K, 1, (2, 2), width=8, heads=3)
    with pytest.raises(InputError, match="must be >= 1; got"):
        MaskedTransformer(K, 1, (2, 2), width=8, heads=0)
