"""The start token, the order of reading, the cache, the window, and that it learns."""

import itertools
import math

import pytest
import torch
from torch import nn

from vqedu import checkpoints
from vqedu.errors import InputError
from vqedu.objectives import PriorObjective
from vqedu.priors import Transformer, bits, draw

K = 6


def build(grid=(3, 4), num_classes=3, **options):
    torch.manual_seed(0)
    options = {"width": 16, "layers": 2, "heads": 4} | options
    model = Transformer(K, num_classes, grid, **options).double().eval()
    for p in model.parameters():
        nn.init.normal_(p, 0, 0.3)  # far from the small weights of the start: all is felt
    return model


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("grid", [(1, 1), (1, 5), (3, 4)])
def test_a_token_changes_all_later_logits_and_no_other(grid):
    model, labels = build(grid), torch.tensor([1])
    n = grid[0] * grid[1]
    indices = torch.randint(K, (1, *grid))
    reference = model(indices, labels).flatten(2)
    assert reference.shape == (1, K, n)
    for t in range(n):
        changed = indices.clone()
        changed.view(-1)[t] = (changed.view(-1)[t] + 1) % K
        difference = (model(changed, labels).flatten(2) - reference).abs().amax(1)[0]
        assert (difference[: t + 1] < 1e-13).all()
        assert (difference[t + 1 :] > 1e-6).all()


@pytest.mark.parametrize("num_classes", [1, 3])
def test_the_start_token_is_no_code(num_classes):
    """The first logits know the embedding of K + y and that of no code, not even of code 0."""
    model = build(num_classes=num_classes)
    indices = torch.zeros(1, 3, 4, dtype=torch.int64)
    assert model.net.embed.num_embeddings == K + num_classes
    for y in range(num_classes):
        first = model(indices, torch.tensor([y]))[0, :, 0, 0]
        felt = torch.autograd.grad(first.square().sum(), model.net.embed.weight)[0].abs().sum(1)
        assert felt.nonzero().flatten().tolist() == [K + y]


def test_label_reaches_every_position():
    logits = build()(torch.randint(K, (1, 3, 4)).repeat(3, 1, 1), torch.arange(3))
    assert ((logits[0] - logits[1]).abs().sum(0) > 1e-6).all()
    assert ((logits[1] - logits[2]).abs().sum(0) > 1e-6).all()


def test_position_is_known():
    """On a grid of equal tokens, only the position can tell the last logits apart."""
    logits = build()(torch.zeros(1, 3, 4, dtype=torch.int64), torch.tensor([0]))
    assert (logits[0, :, 2, 3] - logits[0, :, 1, 3]).abs().max() > 1e-3


def test_blocks_are_those_of_torch():
    """The same weights in torch's own encoder layers, with norm first and a causal mask."""
    model, labels = build(), torch.tensor([0, 2])
    indices = torch.randint(K, (2, 3, 4))
    net = model.net
    row = torch.cat([K + labels[:, None], indices.flatten(1)[:, :-1]], 1)
    x = net.embed(row) + net.position
    causal = torch.full((12, 12), -torch.inf).triu(1).double()
    for block in net.blocks:
        layer = nn.TransformerEncoderLayer(
            16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True, dtype=torch.float64
        )
        attention = layer.self_attn
        theirs = [attention.in_proj_weight, attention.in_proj_bias]
        theirs += [attention.out_proj.weight, attention.out_proj.bias]
        for other in (layer.linear1, layer.linear2, layer.norm1, layer.norm2):
            theirs += [other.weight, other.bias]
        ours = [block.qkv, block.out, block.up, block.down, block.norm1, block.norm2]
        ours = [p for module in ours for p in (module.weight, module.bias)]
        with torch.no_grad():
            for target, source in zip(theirs, ours, strict=True):
                target.copy_(source)
        x = layer(x, src_mask=causal)
    expected = net.head(net.norm(x)).transpose(1, 2).view(2, K, 3, 4)
    torch.testing.assert_close(model(indices, labels), expected)


def test_start_of_the_weights():
    model = Transformer(200, 5, (8, 8), width=64, layers=8, heads=2)
    net, block = model.net, model.net.blocks[3]
    for p in (net.embed.weight, net.position, net.head.weight, block.qkv.weight, block.up.weight):
        assert p.std().item() == pytest.approx(0.02, rel=0.1)
    for p in (block.out.weight, block.down.weight):  # 2 additions in each of 8 blocks
        assert p.std().item() == pytest.approx(0.02 / 4, rel=0.1)
    for module in (block.qkv, block.out, block.up, block.down, net.head, block.norm1):
        assert (module.bias == 0).all()
    assert (block.norm1.weight == 1).all()


def test_cached_steps_are_the_whole_forward():
    """The logits step by step, and the samples, against whole grids without a cache."""
    model, labels = build(), torch.tensor([0, 1, 2, 2])
    grid = torch.randint(K, (4, 3, 4))
    for i, j in itertools.product(range(3), range(4)):
        logits = model(grid, labels)[:, :, i, j]
        grid[:, i, j] = draw(logits, generator=seeded(4 * i + j))
    noted = []

    def choose(at, logits):
        noted.append(logits)
        return draw(logits, generator=seeded(4 * at[0] + at[1]))

    assert torch.equal(model.walk(labels, choose), grid)
    expected = model(grid, labels).flatten(2)
    torch.testing.assert_close(torch.stack(noted, 2), expected, rtol=0, atol=1e-12)


def test_sample_draws_with_its_options_from_one_generator():
    model, labels = build(), torch.tensor([0, 1, 2])
    for options in ({"temperature": 2.0}, {"top_k": 2}, {"top_p": 0.4}):
        generator, grid = seeded(), torch.zeros(3, 3, 4, dtype=torch.int64)
        for i, j in itertools.product(range(3), range(4)):
            logits = model(grid, labels)[:, :, i, j]
            grid[:, i, j] = draw(logits, generator=generator, **options)
        assert torch.equal(model.sample(labels, generator=seeded(), **options), grid)


def test_each_step_reads_one_token():
    model, shapes = build(), []
    model.net.register_forward_pre_hook(lambda module, args: shapes.append(tuple(args[0].shape)))
    model.sample(torch.tensor([0, 1]))
    assert shapes == [(2, 1)] * 12


def test_in_float32_cache_and_forward_agree_to_rounding():
    model, labels, noted = build().float(), torch.tensor([0, 2]), []
    grid = model.walk(labels, lambda at, logits: noted.append(logits) or draw(logits))
    torch.testing.assert_close(torch.stack(noted, 2), model(grid, labels).flatten(2).detach())


def windows(n, large):
    """For each place of a side, the start of the window of n that has the place in its middle,
    or as near to it as the borders allow."""
    starts = range(large - n + 1)
    return [min(starts, key=lambda s: abs(i - s - n // 2)) for i in range(large)]


@pytest.mark.parametrize(
    ("grid", "size"),
    [((2, 2), (2, 2)), ((2, 2), (3, 5)), ((3, 4), (6, 4)), ((2, 4), (2, 7)), ((3, 3), (5, 6))],
)
def test_larger_grids_are_read_through_a_window(grid, size):
    model, labels, noted = build(grid), torch.tensor([0, 2]), {}

    def choose(at, logits):
        noted[at] = logits
        return draw(logits, generator=seeded(10 * at[0] + at[1]))

    sampled = model.walk(labels, choose, size=size)
    assert sampled.shape == (2, *size)
    assert list(noted) == list(itertools.product(*map(range, size)))
    tops, lefts = windows(grid[0], size[0]), windows(grid[1], size[1])
    for (i, j), logits in noted.items():
        seen = sampled[:, tops[i] : tops[i] + grid[0], lefts[j] : lefts[j] + grid[1]]
        expected = model(seen, labels)[:, :, i - tops[i], j - lefts[j]]
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)


def test_windows_of_the_published_size():
    """Where VQGAN's sampling puts a 16×16 window on a side of 40."""
    starts = windows(16, 40)
    assert starts == [0] * 8 + list(range(25)) + [24] * 7


def test_size_of_the_grid_is_plain_sampling():
    model, labels = build(), torch.tensor([0, 1])
    plain = model.sample(labels, generator=seeded())
    assert torch.equal(model.sample(labels, generator=seeded(), size=(3, 4)), plain)


def test_a_window_that_stands_still_reads_one_token():
    """Down a grid of the same width, the window moves between rows only."""
    model, lengths = build((2, 3)), []
    model.net.register_forward_pre_hook(lambda module, args: lengths.append(args[0].shape[1]))
    model.sample(torch.tensor([0]), size=(4, 3))
    assert lengths == [1, 1, 1, 1, 1, 1, 4, 1, 1, 4, 1, 1]


@pytest.mark.parametrize("size", [(2, 4), (3, 3), (12,), (3, 4, 5)])
def test_a_size_below_the_window(size):
    with pytest.raises(InputError, match=r"size must be \(H, W\), at least 3×4"):
        build().sample(torch.tensor([0]), size=size)


def test_reaches_the_entropy_of_a_known_source():
    """Rows of a Markov chain that depends on the class; all 81 grids of 2×2 with K = 3 have a
    known probability. By Gibbs' inequality no model is below the entropy."""
    stay = torch.tensor([0.8, 0.3])  # by class: the next token is the same; else one of the others
    grids = torch.cartesian_prod(*[torch.arange(3)] * 4)
    same = (grids[:, 1:] == grids[:, :-1])[None]
    p = torch.where(same, stay[:, None, None], (1 - stay[:, None, None]) / 2).prod(2) / 3
    torch.testing.assert_close(p.sum(1), torch.ones(2))
    entropy = -(p * p.log2()).sum(1)
    torch.manual_seed(0)
    model = Transformer(3, 2, (2, 2), width=16, layers=2, heads=2, dropout=0.0)
    optimizer, labels = torch.optim.Adam(model.parameters(), 1e-2), torch.arange(256) % 2
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, 120)
    for _ in range(120):
        drawn = grids[torch.multinomial(p[labels], 1)[:, 0]].view(256, 2, 2)
        optimizer.zero_grad()
        PriorObjective()(model, (drawn, labels)).total.backward()
        optimizer.step()
        rate.step()
    for y in range(2):
        cost = bits(model, grids.view(-1, 2, 2), torch.full((81,), y))
        assert (-cost).exp2().sum().item() == pytest.approx(1, abs=1e-5)
        assert entropy[y] <= (p[y] * cost).sum() < entropy[y] + 0.04
    sampled = model.sample(torch.ones(4000, dtype=torch.int64), generator=seeded()).flatten(1)
    share = (sampled[:, 1:] == sampled[:, :-1]).double().mean().item()
    assert share == pytest.approx(0.3, abs=0.04)


def test_dropout_works_only_in_training():
    model, indices, labels = build(dropout=0.5), torch.zeros(1, 3, 4).long(), torch.tensor([0])
    assert torch.equal(model(indices, labels), model(indices, labels))
    model.train()
    assert not torch.equal(model(indices, labels), model(indices, labels))
    one, again = (model.sample(labels, generator=seeded()) for _ in range(2))
    assert torch.equal(one, again)
    assert model.training


@pytest.mark.parametrize("place", ["embedding", "attention", "perceptron"])
def test_dropout_has_three_places(place):
    """With the other two silenced, a call still differs from the next one."""
    model = build(layers=1, dropout=0.5).train()
    block = model.net.blocks[0]
    if place != "embedding":
        model.net.dropout.p = 0.0
    for name, module in (("attention", block.out), ("perceptron", block.down)):
        if name != place:
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    indices, labels = torch.zeros(1, 3, 4).long(), torch.tensor([0])
    assert not torch.equal(model(indices, labels), model(indices, labels))


def test_checkpoint(tmp_path):
    model = Transformer(K, 3, (3, 4), width=16, layers=2, heads=2, dropout=0.2)
    checkpoints.save(model, tmp_path / "prior.safetensors")
    other = checkpoints.load(tmp_path / "prior.safetensors")
    assert other.config == model.config
    assert other.net.blocks[1].dropout.p == 0.2
    indices, labels = torch.randint(K, (2, 3, 4)), torch.tensor([0, 2])
    assert torch.equal(other(indices, labels), model.eval()(indices, labels))
    generators = seeded(), seeded()
    one, two = (
        m.sample(labels, generator=g) for m, g in zip((model, other), generators, strict=True)
    )
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    "change",
    [{"num_codes": 0}, {"num_classes": 0}, {"grid": (3, 0)}, {"width": 0}, {"layers": 0}]
    + [{"heads": 0}],
)
def test_sizes_are_checked(change):
    arguments = {"num_codes": 4, "num_classes": 2, "grid": (2, 2)} | change
    with pytest.raises(InputError, match="and both sides of grid must be >= 1; got"):
        Transformer(**arguments)


def test_width_must_be_divisible_by_heads():
    with pytest.raises(InputError, match="divisible by heads; got 16 and 3"):
        Transformer(K, 1, (2, 2), width=16, heads=3)


@pytest.mark.parametrize("dropout", [-0.1, 1.0, math.nan])
def test_dropout_is_checked(dropout):
    with pytest.raises(InputError, match=r"dropout must lie in \[0, 1\); got"):
        Transformer(K, 1, (2, 2), dropout=dropout)


def test_grids_and_labels_are_checked():
    model, labels = build(), torch.tensor([0, 1])
    with pytest.raises(InputError, match=r"grids of 3×4 tokens; got indices of shape \(2, 4, 3\)"):
        model(torch.zeros(2, 4, 3, dtype=torch.int64), labels)
    with pytest.raises(InputError, match=r"indices must lie in \[0, 6\)"):
        model(torch.full((2, 3, 4), K), labels)  # a start token is no token
    with pytest.raises(InputError, match=r"expected shape \(2,\); got \(3,\)"):
        model(torch.zeros(2, 3, 4, dtype=torch.int64), torch.zeros(3, dtype=torch.int64))
    for bad in ([0, 3], [-1, 0]):
        with pytest.raises(InputError, match=r"labels must lie in \[0, 3\)"):
            model.sample(torch.tensor(bad))
    for bad in (torch.tensor([0.0]), torch.tensor([[0, 1]]), torch.tensor(0)):
        with pytest.raises(InputError, match=r"expected integers of shape \(B,\); got torch"):
            model.sample(bad)
