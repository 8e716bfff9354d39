"""The loop: it learns, repeats with its seed, averages, logs, and ends well when it is stopped."""

import copy
import itertools
import math

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import TensorDataset

from vqedu import training
from vqedu.autoencoders import vqvae
from vqedu.errors import InputError
from vqedu.objectives import Loss, VQVAEObjective
from vqedu.training import History, TrainingError, cosine_with_warmup, fit, select_device

QUIET = {"device": "cpu", "progress": False}


@pytest.fixture
def images():
    """64 images of 8×8: a bright square on dark ground, in one of four corners."""
    torch.manual_seed(0)
    x = torch.full((64, 1, 8, 8), -0.8) + 0.05 * torch.randn(64, 1, 8, 8)
    for i in range(64):
        row, column = 4 * (i % 2), 4 * (i // 2 % 2)
        x[i, :, row : row + 4, column : column + 4] += 1.5
    return TensorDataset(x, torch.zeros(64, dtype=torch.int64))


def small(quantizer="ema", **options):
    torch.manual_seed(0)
    return vqvae(num_codes=16, code_dim=4, width=32, quantizer=quantizer, **options)


OBJECTIVE = VQVAEObjective(0.4)


class Line(nn.Module):
    """y = w·x, with a counter and a buffer, to watch the loop on two numbers."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.0]))
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("level", torch.tensor(0.0))

    def forward(self, x):
        if self.training:
            self.calls += 1
            self.level += 1.0
        return self.w * x


POINTS = TensorDataset(torch.linspace(1, 2, 10))


def to_three(model, batch):
    """Squared distance to y = 3·x."""
    total = (model(batch[0]) - 3 * batch[0]).square().mean()
    return Loss(total, {"loss": total.detach(), "half": total.detach() / 2})


# --- learning -----------------------------------------------------------------------------------


@pytest.mark.parametrize("quantizer", ["ema", "vq"])
def test_loss_falls(images, quantizer):
    model = small(quantizer)
    options = {"steps": 60, "batch_size": 32, "lr": 1e-2, "average": 0.9}
    history = fit(model, OBJECTIVE, images, **options, **QUIET)
    assert history.recent("reconstruction", 5) < 0.3 * history["reconstruction"][0]
    assert history.recent("psnr", 5) > history["psnr"][0] + 4
    assert history["step"] == list(range(1, 61))
    assert {len(values) for values in history.terms.values()} == {60}
    assert history.seconds > 0
    assert not model.training
    x = images.tensors[0]
    assert (model.reconstruct(x) - x).square().mean() < 0.4 * 0.4  # the averaged weights too


def test_every_parameter_moves(images):
    model = small("vq")
    start = copy.deepcopy(model.state_dict())
    fit(model, OBJECTIVE, images, steps=5, batch_size=32, warmup=1, **QUIET)
    for name, parameter in model.named_parameters():
        assert not torch.equal(parameter, start[name]), name


def test_each_epoch_shows_every_item_once():
    seen = []

    def objective(model, batch):
        seen.append(batch[0])
        return to_three(model, batch)

    fit(Line(), objective, POINTS, steps=6, batch_size=3, **QUIET)
    assert [len(batch) for batch in seen] == [3] * 6  # the last short batch is dropped
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert first.unique().numel() == second.unique().numel() == 9
    assert not torch.equal(first, second)  # shuffled anew


# --- seeds --------------------------------------------------------------------------------------


def test_same_seed_same_weights(images):
    """Bit for bit, with k-means and revivals, which draw at random."""

    def trained(seed, before):
        model = small(revive_after=3)
        torch.manual_seed(before)  # what happened in the notebook so far must not count
        fit(model, OBJECTIVE, images, steps=8, batch_size=16, seed=seed, **QUIET)
        return model.state_dict()

    one, again, other = trained(1, 10), trained(1, 11), trained(2, 10)
    for name, value in one.items():
        assert torch.equal(value, again[name]), name
    assert not torch.equal(one["encoder.0.weight"], other["encoder.0.weight"])
    assert not torch.equal(one["quantizer.codebook"], other["quantizer.codebook"])


def test_seed_everything():
    def draws():
        import random

        import numpy as np

        return random.random(), np.random.random(), torch.rand(1).item()

    training.seed_everything(3)
    one = draws()
    training.seed_everything(3)
    assert draws() == one
    training.seed_everything(4)
    assert all(a != b for a, b in zip(draws(), one, strict=True))


# --- schedule and averages ----------------------------------------------------------------------


def test_cosine_with_warmup():
    factors = [cosine_with_warmup(step, 110, 10) for step in range(111)]
    assert factors[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert factors[10] == 1
    assert factors[35] == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert factors[60] == pytest.approx(0.5)
    assert factors[110] == pytest.approx(0)
    assert all(a >= b for a, b in itertools.pairwise(factors[9:]))
    assert cosine_with_warmup(0, 5, 0) == 1
    assert cosine_with_warmup(3, 3, 3) == 1  # all of it warm-up: no division by zero


def test_adam_follows_the_schedule():
    """While all gradients agree in size, Adam moves a weight by exactly the learning rate."""
    weights = []

    def constant(model, batch):
        return Loss(-model(batch[0]).sum() / batch[0].sum())  # gradient -1, always

    model, options = Line(), {"lr": 0.1, "warmup": 3, "average": None, "batch_size": 10}
    fit(
        model,
        constant,
        POINTS,
        steps=9,
        on_step=lambda step, history: weights.append(model.w.item()),
        **options,
        **QUIET,
    )
    moved = [b - a for a, b in zip([0.0, *weights], weights, strict=False)]
    expected = [0.1 * cosine_with_warmup(step, 9, 3) for step in range(9)]
    assert moved == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("average", [0.9, 0.3])  # the second is reached within the 12 steps
def test_averaged_weights(average):
    model, trajectory = Line(), []
    fit(
        model,
        to_three,
        POINTS,
        steps=12,
        batch_size=5,
        lr=0.3,
        average=average,
        on_step=lambda *_: trajectory.append((model.w.item(), model.level.item())),
        **QUIET,
    )
    mean = trajectory[0][0]
    for n, (weight, _) in enumerate(trajectory[1:], start=1):
        decay = min(average, (1 + n) / (10 + n))
        mean = decay * mean + (1 - decay) * weight
    assert model.w.item() == pytest.approx(mean, rel=1e-5)
    assert model.w.item() != pytest.approx(trajectory[-1][0], rel=1e-3)
    assert model.level.item() == trajectory[-1][1]  # buffers are not averaged
    assert model.calls == 12


@pytest.mark.parametrize("name", ["ema", "vq"])
def test_a_codebook_is_averaged_where_it_learns_by_gradient(name, images):
    model, trajectory = small(quantizer=name, revive_after=0), []
    fit(
        model,
        OBJECTIVE,
        images,
        steps=6,
        batch_size=16,
        average=0.8,
        on_step=lambda *_: trajectory.append(copy.deepcopy(model.state_dict())),
        **QUIET,
    )
    parameters = dict(model.named_parameters())
    assert ("quantizer.codebook" in parameters) == (name == "vq")
    for key, value in model.state_dict().items():
        mean = trajectory[0][key]
        for n, state in enumerate(trajectory[1:], start=1):
            decay = min(0.8, (1 + n) / (10 + n))
            mean = decay * mean + (1 - decay) * state[key]
        if key in parameters:
            torch.testing.assert_close(value, mean, msg=key, rtol=1e-4, atol=1e-6)
        else:
            assert torch.equal(value, trajectory[-1][key]), key


def test_without_average_the_last_weights_stay():
    model, last = Line(), []
    fit(
        model,
        to_three,
        POINTS,
        steps=4,
        batch_size=5,
        average=None,
        on_step=lambda *_: last.append(model.w.item()),
        **QUIET,
    )
    assert model.w.item() == last[-1]


# --- history and logs ---------------------------------------------------------------------------


def test_history():
    history = History()
    for step in range(1, 6):
        history.add(step, {"psnr": torch.tensor(float(step**2)), "loss": 1})
    assert history["psnr"] == [1, 4, 9, 16, 25]
    assert history["step"] == [1, 2, 3, 4, 5]
    assert history.recent("psnr", 2) == 20.5
    assert history.recent("psnr") == 11  # fewer values than asked for: the mean of all
    assert "loss" in history
    assert "lpips" not in history


def test_on_step_sees_the_history_so_far():
    seen = []
    fit(
        Line(),
        to_three,
        POINTS,
        steps=3,
        batch_size=5,
        on_step=lambda step, history: seen.append((step, len(history["loss"]))),
        **QUIET,
    )
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_tensorboard(tmp_path):
    history = fit(Line(), to_three, POINTS, steps=5, batch_size=5, log_dir=tmp_path, **QUIET)
    (file,) = tmp_path.rglob("events.out.tfevents.*")
    events = EventAccumulator(str(file))
    events.Reload()
    assert {"loss", "half"} <= set(events.Tags()["scalars"])
    for name in ("loss", "half"):
        scalars = events.Scalars(name)
        assert [scalar.step for scalar in scalars] == [1, 2, 3, 4, 5]
        assert [scalar.value for scalar in scalars] == pytest.approx(history[name])


def test_nothing_is_written_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(Line(), to_three, POINTS, steps=2, batch_size=5, **QUIET)
    assert not [*tmp_path.iterdir()]


def test_progress_bar(capsys):
    fit(Line(), to_three, POINTS, steps=10, batch_size=5, device="cpu", progress=True)
    bar = capsys.readouterr().err
    assert "10/10" in bar
    assert "half=" in bar
    fit(Line(), to_three, POINTS, steps=2, batch_size=5, **QUIET)
    assert capsys.readouterr().err == ""


# --- what can go wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite(bad):
    model = Line()

    def objective(model, batch):
        loss = to_three(model, batch)
        return Loss(loss.total * bad) if model.calls == 4 else loss

    with pytest.raises(TrainingError, match=rf"the loss became {bad} at step 4.*learning rate"):
        fit(model, objective, POINTS, steps=9, batch_size=5, **QUIET)
    assert torch.isfinite(model.w).all()  # the step was not taken


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be >= 1.*got steps=0, batch_size=5"),
        ({"batch_size": 11}, r"batch_size in \[1, 10\], the size of the data set.*batch_size=11"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(InputError, match=message):
        fit(Line(), to_three, POINTS, **({"steps": 3, "batch_size": 5} | options | QUIET))


def test_stopped_by_hand(images, capsys):
    model, trajectory = small(), []

    def stop(step, history):
        trajectory.append(model.encoder[0].weight.detach().clone())
        if step == 5:
            raise KeyboardInterrupt

    history = fit(
        model, OBJECTIVE, images, steps=50, batch_size=16, average=0.9, on_step=stop, **QUIET
    )
    assert history["step"] == [1, 2, 3, 4, 5]
    assert history.seconds > 0
    assert not model.training
    assert "stopped at step 5 of 50" in capsys.readouterr().out
    mean = trajectory[0]
    for n, weight in enumerate(trajectory[1:], start=1):
        decay = min(0.9, (1 + n) / (10 + n))
        mean = decay * mean + (1 - decay) * weight
    torch.testing.assert_close(model.encoder[0].weight.detach(), mean)
    assert torch.isfinite(model.reconstruct(images.tensors[0][:2])).all()
    # and the next call starts afresh
    assert len(fit(model, OBJECTIVE, images, steps=2, batch_size=16, **QUIET)["loss"]) == 2


def test_stopped_before_the_first_step():
    model = Line()

    def objective(model, batch):
        raise KeyboardInterrupt

    history = fit(model, objective, POINTS, steps=3, batch_size=5, **QUIET)
    assert history.terms == {}
    assert not model.training
    assert model.w.item() == 0


# --- device and precision -----------------------------------------------------------------------


def test_device(monkeypatch):
    monkeypatch.delenv("VQEDU_DEVICE", raising=False)
    for cuda, mps, best in ((1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: bool(cuda))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: bool(mps))
        monkeypatch.delenv("VQEDU_DEVICE", raising=False)
        assert select_device() == torch.device(best)
        assert select_device("cpu") == torch.device("cpu")
        monkeypatch.setenv("VQEDU_DEVICE", "")
        assert select_device() == torch.device(best)
        monkeypatch.setenv("VQEDU_DEVICE", "cpu")
        assert select_device() == torch.device("cpu")
    monkeypatch.setenv("VQEDU_DEVICE", "cuda")
    with pytest.raises(InputError, match="no device 'cuda' on this machine; it has cpu"):
        select_device()
    assert select_device("cpu") == torch.device("cpu")  # the argument goes before the variable
    with pytest.raises(InputError, match="no device 'abacus'"):
        select_device("abacus")


def test_fit_asks_for_the_device():
    with pytest.raises(InputError, match="no device 'abacus'"):
        fit(Line(), to_three, POINTS, steps=1, batch_size=5, device="abacus", progress=False)


def test_precision_is_chosen_anew_each_time(images):
    """And does not stay with the model when training is over."""
    model, seen = small(), []
    model.encoder[0].register_forward_hook(lambda module, args, out: seen.append(out.dtype))
    x = images.tensors[0][:4]
    options = {"steps": 2, "batch_size": 16, **QUIET}
    for precision, dtype in (
        ("bf16", torch.bfloat16),
        ("no", torch.float32),
        ("bf16", torch.bfloat16),
    ):
        seen.clear()
        history = fit(model, OBJECTIVE, images, precision=precision, **options)
        assert seen == [dtype] * 2
        assert math.isfinite(history["loss"][-1])
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        seen.clear()
        model.reconstruct(x)
        copy.deepcopy(model).reconstruct(x)
        assert seen == [torch.float32] * 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_trains_on_a_gpu(images):
    model = small()
    history = fit(model, OBJECTIVE, images, steps=5, batch_size=16, device="cuda", progress=False)
    assert next(model.parameters()).is_cuda
    assert math.isfinite(history["loss"][-1])


def test_unknown_precision():
    with pytest.raises(InputError, match="precision must be 'no', 'bf16' or 'fp16', not 'half'"):
        fit(Line(), to_three, POINTS, steps=1, batch_size=5, precision="half", **QUIET)


def test_fp16_needs_a_gpu():
    """On a CPU it would quietly train in float32."""
    with pytest.raises(InputError, match="'fp16' needs a GPU"):
        fit(Line(), to_three, POINTS, steps=1, batch_size=5, precision="fp16", **QUIET)


@pytest.mark.parametrize("average", [-0.1, 1.0])
def test_average_outside_its_range(average):
    with pytest.raises(InputError, match=r"average must lie in \[0, 1\)"):
        fit(Line(), to_three, POINTS, steps=1, batch_size=5, average=average, **QUIET)


def test_layers_of_every_dimension_can_be_trained():
    """Channels last is for two-dimensional convolutions only."""
    model = nn.Sequential(nn.Conv3d(1, 1, 1), nn.Flatten(), nn.Linear(8, 1))
    data = TensorDataset(torch.randn(10, 1, 2, 2, 2))
    loss = lambda model, batch: Loss(model(batch[0]).square().mean(), {"loss": 0.0})  # noqa: E731
    assert fit(model, loss, data, steps=2, batch_size=5, **QUIET)["step"] == [1, 2]
