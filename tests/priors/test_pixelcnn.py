"""The order of reading is kept, nothing before is missed, and it learns what it is shown."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from vqedu.errors import InputError
from vqedu.objectives import PriorObjective
from vqedu.priors import GatedPixelCNN, draw
from vqedu.priors.pixelcnn import GatedLayer, gate
from vqedu.training import fit

K = 6


def build(grid=(3, 4), layers=4, **options):
    torch.manual_seed(0)
    model = GatedPixelCNN(K, 3, grid, width=12, layers=layers, **options)
    nn.init.normal_(model.position, 0, 1)  # spread out, so that few ReLUs of the head are dead
    return model.double().eval()


def influence(model, labels=None):
    """(h·w, h·w): how strongly the logits at a position (row) feel the token at another."""
    h, w = model.grid
    indices = torch.randint(K, (1, h, w))
    embedded = []
    hook = model.embed.register_forward_hook(
        lambda module, args, out: embedded.append(out.detach().requires_grad_()) or embedded[0]
    )
    logits = model(indices, torch.zeros(1, dtype=torch.int64))
    hook.remove()
    rows = []
    for i in range(h):
        for j in range(w):
            total = (logits[0, :, i, j] * torch.arange(1.0, K + 1)).sum()
            (gradient,) = torch.autograd.grad(total, embedded[0], retain_graph=True)
            rows.append(gradient[0].abs().sum(-1).flatten())
    return torch.stack(rows)


@pytest.mark.parametrize("grid", [(1, 1), (1, 5), (5, 1), (3, 4), (4, 3)])
def test_sees_all_tokens_before_and_none_after(grid):
    """With as many layers as the grid is wide or high, there is no blind spot."""
    felt = influence(build(grid, layers=5))
    n = grid[0] * grid[1]
    before = torch.ones(n, n).tril(-1).bool()
    assert (felt[~before] == 0).all()
    assert (felt[before] > 0).all()


def test_receptive_field_of_one_layer():
    """Row above and two above, one column to each side; left neighbour, and one more."""
    felt = influence(build((5, 7), layers=1))[3 * 7 + 3].view(5, 7)  # of position (3, 3)
    expected = torch.zeros(5, 7, dtype=torch.bool)
    expected[1:3, 2:5] = True
    expected[3, 1:3] = True
    assert torch.equal(felt > 0, expected)


def test_changing_a_token_changes_only_later_logits():
    """The same, by trying it: the logits before and at the changed place are equal, bit for bit."""
    model, labels = build(), torch.tensor([1])
    indices = torch.randint(K, (1, 3, 4))
    reference = model(indices, labels).flatten(2)
    for t in range(12):
        changed = indices.clone()
        changed.view(-1)[t] = (changed.view(-1)[t] + 1) % K
        difference = (model(changed, labels).flatten(2) - reference).abs().sum(1)[0]
        assert (difference[: t + 1] == 0).all()
        assert (difference[t + 1 :] > 0).all()


def test_label_reaches_every_position():
    model, indices = build(), torch.randint(K, (1, 3, 4)).repeat(3, 1, 1)
    logits = model(indices, torch.arange(3))
    assert ((logits[0] - logits[1]).abs().sum(0) > 0).all()
    assert ((logits[1] - logits[2]).abs().sum(0) > 0).all()


def test_position_is_known():
    """On a grid of equal tokens, positions far from the border still differ."""
    logits = build((6, 6), layers=1)(torch.zeros(1, 6, 6, dtype=torch.int64), torch.tensor([0]))
    assert (logits[0, :, 3, 3] - logits[0, :, 4, 3]).abs().max() > 1e-3


def test_probabilities_sum_to_one_over_all_grids():
    model = GatedPixelCNN(3, 2, (2, 2), width=8, layers=2).double().eval()
    grids = torch.cartesian_prod(*[torch.arange(3)] * 4).view(-1, 2, 2)
    for label in (0, 1):
        log_p = model(grids, torch.full((81,), label)).log_softmax(1)
        log_p = log_p.gather(1, grids[:, None]).flatten(1).sum(1)
        assert log_p.exp().sum().item() == pytest.approx(1)
        assert log_p.unique().numel() > 50


def test_gate():
    x = torch.randn(2, 6, 3, 3)
    expected = torch.tanh(x[:, :3]) * (1 / (1 + torch.exp(-x[:, 3:])))
    torch.testing.assert_close(gate(x), expected)


def test_layer_position_by_position():
    """Both stacks from the sums that the convolutions stand for; the class is felt in each."""
    layer, width = GatedLayer(4, dropout=0.0).double(), 4
    v, h = torch.randn(2, 1, width, 3, 5, dtype=torch.float64)
    condition = torch.randn(1, 2 * width, 1, 1, dtype=torch.float64)
    v_new, h_new = layer(v, h, condition)
    y = condition[0, :, 0, 0]

    def at(x, i, j):
        return x[0, :, i, j] if 0 <= i < 3 and 0 <= j < 5 else torch.zeros(width).double()

    def gated(x):
        return torch.tanh(x[:width]) * torch.sigmoid(x[width:])

    for i in range(3):
        for j in range(5):
            from_v = layer.vertical.bias.clone()
            for row in (0, 1):
                for column in (0, 1, 2):
                    weight = layer.vertical.weight[:, :, row, column]
                    from_v += weight @ at(v, i + row - 1, j + column - 1)
            from_h = layer.horizontal.bias.clone()
            for column in (0, 1):
                from_h += layer.horizontal.weight[:, :, 0, column] @ at(h, i, j + column - 1)
            from_h += layer.to_horizontal.weight[:, :, 0, 0] @ from_v + layer.to_horizontal.bias
            torch.testing.assert_close(v_new[0, :, i, j], v[0, :, i, j] + gated(from_v + y))
            out = layer.out.weight[:, :, 0, 0] @ gated(from_h + y) + layer.out.bias
            torch.testing.assert_close(h_new[0, :, i, j], h[0, :, i, j] + out)


def test_batch_members_do_not_mix():
    model, indices = build(), torch.randint(K, (4, 3, 4))
    labels = torch.tensor([0, 1, 2, 0])
    together = model(indices, labels)
    assert together.shape == (4, K, 3, 4)
    for b in range(4):
        alone = model(indices[b : b + 1], labels[b : b + 1])
        torch.testing.assert_close(alone[0], together[b])


@pytest.fixture(scope="module")
def two_patterns():
    """A prior that was shown two 3×3 patterns, one a class, until it knew them by heart."""
    patterns = torch.tensor([[[0, 1, 2], [3, 4, 5], [0, 0, 1]], [[5, 5, 4], [0, 2, 1], [3, 3, 3]]])
    torch.manual_seed(0)
    model = GatedPixelCNN(K, 2, (3, 3), width=24, layers=3)
    labels = torch.arange(2).repeat(8)
    data = TensorDataset(patterns[labels], labels)
    options = {"steps": 150, "batch_size": 16, "lr": 1e-2, "average": 0.9}
    history = fit(model, PriorObjective(), data, device="cpu", progress=False, **options)
    return model, patterns, history


def test_learns_patterns_by_heart_and_samples_them(two_patterns):
    model, patterns, history = two_patterns
    assert history["bits_per_token"][0] > 2
    assert history.recent("bits_per_token", 10) < 0.1
    labels = torch.tensor([0, 1, 1, 0])
    sampled = model.sample(labels, temperature=0.1)
    assert torch.equal(sampled, patterns[labels])
    assert torch.equal(model.sample(labels, top_k=1), patterns[labels])


def test_sampling_repeats_with_a_seed_and_leaves_the_mode(two_patterns):
    model, _, _ = two_patterns
    labels = torch.zeros(6, dtype=torch.int64)
    for training in (True, False):
        model.train(training)
        one, again, other = (
            model.sample(labels, temperature=3.0, generator=torch.Generator().manual_seed(seed))
            for seed in (0, 0, 1)
        )
        assert torch.equal(one, again)  # no dropout while sampling
        assert not torch.equal(one, other)
        assert model.training is training
    assert one.shape == (6, 3, 3)
    assert 0 <= one.min() <= one.max() < K


def test_sampling_is_the_model_token_by_token():
    """Written out with whole grids; what is not drawn yet must not matter."""
    model, labels = build(), torch.tensor([0, 1, 2])
    for generator in (None, 7):
        grid = torch.randint(K, (3, 3, 4))
        if generator is None:
            options = {"top_k": 1}
        else:
            options = {"generator": torch.Generator().manual_seed(generator), "temperature": 2.0}
        for i in range(3):
            for j in range(4):
                grid[:, i, j] = draw(model(grid, labels)[:, :, i, j], **options)
        if generator is not None:
            options["generator"].manual_seed(generator)
        assert torch.equal(model.sample(labels, **options), grid)


def test_first_token_is_drawn_from_its_logits():
    """A single position: the frequencies of the samples are the softmax of the logits."""
    model = build((1, 1), layers=1)
    labels = torch.ones(20_000, dtype=torch.int64)
    drawn = model.sample(labels, generator=torch.Generator().manual_seed(0)).flatten()
    p = model(torch.zeros(1, 1, 1, dtype=torch.int64), labels[:1]).softmax(1).flatten().detach()
    torch.testing.assert_close(drawn.bincount(minlength=K) / 20_000, p.float(), rtol=0, atol=0.015)


def test_dropout_works_only_in_training():
    model, indices, labels = build(dropout=0.5), torch.zeros(1, 3, 4).long(), torch.tensor([0])
    assert torch.equal(model(indices, labels), model(indices, labels))
    model.train()
    assert not torch.equal(model(indices, labels), model(indices, labels))


def test_an_error_does_not_leave_the_model_in_eval_mode():
    model = build().train()
    with pytest.raises(InputError, match="labels must lie"):
        model.sample(torch.tensor([7]))
    with pytest.raises(InputError, match="one label per grid"):
        model.sample(torch.tensor([[0, 1]]))
    assert model.training


def test_grids_and_labels_are_checked():
    model = build()
    labels = torch.tensor([0, 1])
    with pytest.raises(InputError, match=r"grids of 3×4 tokens; got indices of shape \(2, 4, 3\)"):
        model(torch.zeros(2, 4, 3, dtype=torch.int64), labels)
    with pytest.raises(InputError, match=r"got indices of shape \(3, 4\)"):
        model(torch.zeros(3, 4, dtype=torch.int64), labels)
    with pytest.raises(InputError, match=r"expected shape \(2,\); got \(3,\)"):
        model(torch.zeros(2, 3, 4, dtype=torch.int64), torch.zeros(3, dtype=torch.int64))
    for bad in ([0, 3], [-1, 0]):
        with pytest.raises(InputError, match=r"labels must lie in \[0, 3\)"):
            model(torch.zeros(2, 3, 4, dtype=torch.int64), torch.tensor(bad))


@pytest.mark.parametrize(
    "change",
    [{"num_codes": 0}, {"num_classes": 0}, {"grid": (0, 3)}, {"width": 0}, {"layers": 0}],
)
def test_sizes_are_checked(change):
    arguments = {"num_codes": 4, "num_classes": 2, "grid": (2, 2)} | change
    with pytest.raises(InputError, match="must be >= 1; got"):
        GatedPixelCNN(**arguments)


def test_config_builds_it_again():
    model = GatedPixelCNN(5, 2, (2, 3), width=8, layers=2, dropout=0.3)
    config = dict(model.config)
    assert config.pop("builder") == "GatedPixelCNN"
    other = GatedPixelCNN(**config)
    assert other.config == model.config
    other.load_state_dict(model.state_dict())
    assert math.prod(other.grid) == 6


@pytest.mark.parametrize("token", [-1, K])
def test_a_token_outside_the_codebook(token):
    indices = torch.zeros(1, 3, 4, dtype=torch.int64)
    indices[0, 1, 2] = token
    with pytest.raises(InputError, match=r"indices must lie in \[0, 6\)"):
        build()(indices, torch.zeros(1, dtype=torch.int64))
