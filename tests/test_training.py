"""The loop: it learns, repeats with its seed, averages, logs, and ends well when it is stopped."""

import copy
import itertools
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import TensorDataset

from vqedu import perceptual, states, training
from vqedu.adversarial import PatchDiscriminator
from vqedu.autoencoders import vqvae
from vqedu.checkpoints import fingerprint
from vqedu.errors import CheckpointError, InputError, TrainingError
from vqedu.objectives import Loss, VQGANObjective, VQVAEObjective
from vqedu.run import Batches, History, Interrupt, cosine_with_warmup
from vqedu.training import fit, select_device

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


def test_the_seed_is_that_of_the_noise():
    def noise(seed):
        drawn = []

        def objective(model, batch):
            drawn.append(torch.rand(1).item())
            return to_three(model, batch)

        fit(Line(), objective, POINTS, steps=3, batch_size=5, seed=seed, **QUIET)
        return drawn

    assert noise(1) == noise(1)
    assert not {*noise(1)} & {*noise(2)}


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

    with pytest.raises(KeyboardInterrupt):  # there is nothing whole to return
        fit(model, objective, POINTS, steps=3, batch_size=5, **QUIET)
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


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_vqgan_in_reduced_precision(images, precision):
    model = small()
    objective = VQGANObjective(
        perceptual.load("features-fashion"), PatchDiscriminator(1, 8, 1), r1=1.0, lecam=0.1
    )
    options = {"steps": 12, "batch_size": 16, "lr": 3e-3, "warmup": 2, **QUIET}
    history = fit(model, objective, images, precision=precision, **options)
    assert all(math.isfinite(v) for values in history.terms.values() for v in values)
    assert all(0 < weight < 1e4 for weight in history["lambda"])
    assert history.recent("reconstruction", 3) < 0.95 * history["reconstruction"][0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_trains_on_a_gpu(images):
    model = small()
    history = fit(model, OBJECTIVE, images, steps=5, batch_size=16, device="cuda", progress=False)
    assert next(model.parameters()).is_cuda
    assert math.isfinite(history["loss"][-1])


def test_unknown_precision():
    with pytest.raises(InputError, match="precision must be 'no', 'bf16' or 'fp16', not 'half'"):
        fit(Line(), to_three, POINTS, steps=1, batch_size=5, precision="half", **QUIET)


def test_fp16_scales_the_gradients(images):
    """Gradients below what float16 can hold (6e-8) arrive all the same."""
    moved = []
    for factor in (1.0, 1e-7):
        model = Line()

        def tiny(model, batch, factor=factor):
            return Loss((model(batch[0]).half().float() * factor).mean())

        fit(model, tiny, POINTS, steps=2, batch_size=5, precision="fp16", average=None, **QUIET)
        moved.append(model.w.item())
    assert moved[1] == pytest.approx(moved[0], rel=0.2)
    assert moved[0] < 0


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


# --- batches --------------------------------------------------------------------------------------


def test_batches_can_be_taken_up_anywhere():
    whole = list(Batches(10, 4, 2, seed=3, first=0, last=7))
    assert [len(part) for part in whole] == [2] * 14  # 7 steps of 2 parts
    for first in range(8):
        assert list(Batches(10, 4, 2, seed=3, first=first, last=7)) == whole[2 * first :]
    for a in range(0, 12, 4):  # a pass is 2 steps: 8 of 10 items, none twice
        assert len({i for part in whole[a : a + 4] for i in part}) == 8
    assert list(Batches(10, 4, 2, seed=4, first=0, last=7)) != whole
    assert whole[:4] != whole[4:8]


def test_parts_of_a_batch_add_up():
    """The same updates from a batch at once and from four parts of it."""
    lines = []
    for accumulate in (1, 4):
        model, gradients = Line(), []  # Adam would not show a gradient that is four times too large
        options = {"steps": 6, "batch_size": 8, "accumulate": accumulate, "lr": 0.1}
        options["on_step"] = lambda *_, m=model, g=gradients: g.append(m.w.grad.item())
        history = fit(model, to_three, POINTS, **options, average=None, **QUIET)
        lines.append((model.w.item(), *history["loss"], *gradients))
    assert lines[0] == pytest.approx(lines[1], rel=1e-5)
    assert model.calls == 24


# --- two players ----------------------------------------------------------------------------------


class Opponents(nn.Module):
    """The model is to lift its line, the discriminator to lower its own."""

    def __init__(self):
        super().__init__()
        self.discriminator, self.step, self.seen = Line(), 0, []

    def forward(self, model, batch):
        self.seen.append(self.step)
        both = model(batch[0]).mean() + self.discriminator(batch[0]).mean()
        critic = None if self.step == 2 else both  # what one minimises would move the other too
        return Loss(-both, {"loss": 0.0}, critic)


def test_each_loss_moves_its_own_network():
    model, objective, moved = Line(), Opponents(), []
    fit(
        model,
        objective,
        POINTS,
        steps=3,
        batch_size=5,
        lr=0.1,
        betas=(0.0, 0.9),
        warmup=0,
        average=None,
        on_step=lambda *_: moved.append((model.w.item(), objective.discriminator.w.item())),
        **QUIET,
    )
    assert objective.seen == [1, 2, 3]
    steps = [0.1 * cosine_with_warmup(step, 3, 0) for step in range(3)]
    model_moves = [b - a for a, b in itertools.pairwise([0.0, *(m for m, _ in moved)])]
    assert model_moves[0] == pytest.approx(steps[0], rel=1e-3)
    assert all(move > 0 for move in model_moves)
    other = [0.0, *(d for _, d in moved)]
    assert other[1] == pytest.approx(-steps[0], rel=1e-3)
    assert other[2] == other[1]  # no loss of its own, no move
    assert other[3] < other[2]


def test_a_discriminators_loss_that_is_not_finite():
    class Bad(Opponents):
        def forward(self, model, batch):
            return Loss(model(batch[0]).mean(), {"a": 2.5}, self.discriminator.w * math.nan)

    with pytest.raises(TrainingError, match=r"loss of the discriminator became nan.*a=2\.5"):
        fit(Line(), Bad(), POINTS, steps=3, batch_size=5, **QUIET)


# --- killed and resumed ---------------------------------------------------------------------------


def duel(images, folder=None, **options):
    """A small VQGAN with all that has a state: revivals, dropout, two players, averages."""
    torch.manual_seed(0)
    model = vqvae(num_codes=8, code_dim=4, width=32, revive_after=2)
    model.decoder.insert(1, nn.Dropout(0.2))
    objective = VQGANObjective(
        discriminator=PatchDiscriminator(1, 8, 1), start=3, warmup=2, lecam=0.1
    )
    options = {"steps": 9, "batch_size": 16, "save_every": 2, "folder": folder} | options
    history = fit(model, objective, images, **options, **QUIET)
    return model.state_dict() | {"D." + k: v for k, v in objective.state_dict().items()}, history


class Killed(Exception):
    pass


def kill_at(last):
    def on_step(step, history):
        if step == last:
            raise Killed

    return on_step


@pytest.mark.parametrize("last", [1, 2, 5, 8])
def test_killed_and_resumed_bit_for_bit(images, tmp_path, last):
    whole, history = duel(images)
    with pytest.raises(Killed):
        duel(images, tmp_path, on_step=kill_at(last))
    assert bool(states.states(tmp_path)) == (last > 2)  # killed before its state was written
    torch.manual_seed(1234)
    again, history_again = duel(images, tmp_path, resume=True)
    for name, value in whole.items():
        assert torch.equal(value, again[name]), name
    assert history_again.terms.keys() == history.terms.keys()
    for name, values in history.terms.items():
        assert history_again[name] == pytest.approx(values, rel=0, abs=0, nan_ok=True), name


def test_a_process_that_was_really_killed(tmp_path):
    """SIGKILL, which nobody can answer, at a moment nobody chose."""
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, torch\n"
        "from vqedu import autoencoders, checkpoints, data, objectives, training\n"
        "images = data.load('fashion', limit=64)\n"
        "torch.manual_seed(0)\n"
        "model = autoencoders.vqvae(num_codes=8, code_dim=4, width=32)\n"
        "training.fit(model, objectives.VQVAEObjective(0.5), images, steps=30, batch_size=16,\n"
        "    save_every=1, folder=sys.argv[1], resume=True, device='cpu', progress=False,\n"
        "    on_step=lambda step, history: print(step, flush=True))\n"
        "print(checkpoints.fingerprint(model))\n"
    )

    def start(folder):
        command = [sys.executable, str(script), str(tmp_path / folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with start("whole") as process:
        expected = process.communicate()[0].split()[-1]
    with start("killed") as process:
        while int(process.stdout.readline()) < 7:
            pass
        process.kill()
    assert states.states(tmp_path / "killed")
    with start("killed") as process:
        *steps, fingerprint = process.communicate()[0].split()
    assert 7 <= int(steps[0]) <= 30
    assert fingerprint == expected


def test_a_finished_training_has_nothing_left_to_do(images, tmp_path):
    whole, _ = duel(images, tmp_path)
    again, history = duel(images, tmp_path, resume=True)
    assert all(torch.equal(value, again[name]) for name, value in whole.items())
    assert history["step"][-1] == 9


def test_the_newest_good_state(images, tmp_path):
    whole, _ = duel(images)
    duel(images, tmp_path)
    newest, before = states.states(tmp_path)
    assert (newest.name, before.name) == ("step-00000009.pt", "step-00000008.pt")
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (content[:1000], content, b""):
        newest.write_bytes(damaged)  # the one before it is good, and leads to the end again
        with pytest.warns(UserWarning, match="step-00000009.pt is damaged"):
            again, _ = duel(images, tmp_path, resume=True)
        assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_a_damaged_state_is_put_aside(images, tmp_path):
    duel(images, tmp_path)
    newest, before = states.states(tmp_path)
    for path in (newest, before):
        path.write_bytes(b"not a state")
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(CheckpointError, match=r"none of the training states.*can be read"),
    ):
        duel(images, tmp_path, resume=True)
    assert {path.suffix for path in tmp_path.iterdir()} == {".damaged"}


def test_numpy_numbers_as_settings(images, tmp_path):
    """A learning rate out of np.geomspace must not keep a training from being resumed."""
    options = {"lr": np.float64(1e-3), "steps": np.int64(4), "average": np.float64(0.9)}
    duel(images, tmp_path, **options)
    _, history = duel(images, tmp_path, resume=True, **options)
    assert len(history["step"]) == 4


def test_resume_with_another_objective(images, tmp_path):
    options = {"steps": 4, "batch_size": 16, "folder": tmp_path, **QUIET}
    fit(small(), OBJECTIVE, images, **options)
    objective = VQGANObjective(discriminator=PatchDiscriminator(1, 8, 1))
    with pytest.raises(InputError, match=r"players=\['model', 'discriminator'\] instead of"):
        fit(small(), objective, images, resume=True, **options)


def test_a_gradient_that_is_not_finite(tmp_path):
    """The root has an infinite gradient at zero, where its value is fine."""
    model = Line()
    objective = lambda model, batch: Loss(model(batch[0]).sum().sqrt(), {"a": 1.0})  # noqa: E731
    with pytest.raises(TrainingError, match=r"the gradient became (inf|nan) at step 1.*a=1"):
        fit(model, objective, POINTS, steps=3, batch_size=5, folder=tmp_path, **QUIET)
    assert model.w.item() == 0
    assert states.states(tmp_path) == []


def test_what_a_model_was_trained_on_is_noted(images):
    distance = perceptual.load("features-fashion")
    model = small()
    model.notes = {"kept": 1}
    fit(model, VQGANObjective(distance), images, steps=1, batch_size=8, **QUIET)
    assert model.notes["perceptual"] == "features-fashion"
    assert model.notes["perceptual_fingerprint"] == fingerprint(distance.network)
    assert model.notes["kept"] == 1


def test_a_folder_is_not_trained_over(images, tmp_path):
    duel(images, tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="already holds a training: go on with resume=True"):
        duel(images, tmp_path)
    with pytest.raises(InputError, match=r"other settings: lr=0.5 instead of 0.001, seed=7 inst"):
        duel(images, tmp_path, resume=True, lr=0.5, seed=7)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_resume_with_another_model(images, tmp_path):
    options = {"steps": 4, "batch_size": 16, "folder": tmp_path, **QUIET}
    fit(small(), OBJECTIVE, images, **options)
    other = vqvae(num_codes=16, code_dim=8, width=32)
    with pytest.raises(InputError, match=r"saved training is of another model.*encoder"):
        fit(other, OBJECTIVE, images, resume=True, **options)


def test_resume_without_a_folder_or_without_a_state(images, tmp_path):
    with pytest.raises(InputError, match="resume=True needs the folder"):
        duel(images, resume=True)
    fresh, _ = duel(images, tmp_path / "new", resume=True)
    whole, _ = duel(images)
    assert all(torch.equal(value, fresh[name]) for name, value in whole.items())


def test_a_state_that_cannot_be_written(images, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    duel(images, tmp_path, steps=4)
    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CheckpointError, match=r"cannot write the training state.*No space left"):
        states.save_state(tmp_path, {"step": 6})
    assert {path.name for path in tmp_path.iterdir()} == before


def test_ctrl_c_ends_after_the_step_with_a_state(images, tmp_path, capsys):
    def press(step, history):
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    _, history = duel(images, tmp_path, on_step=press)
    assert history["step"][-1] in (5, 6)
    assert signal.getsignal(signal.SIGINT) is before
    assert f"stopped at step {history['step'][-1]:.0f} of 9" in capsys.readouterr().out
    whole, _ = duel(images)
    again, _ = duel(images, tmp_path, resume=True)
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_a_second_ctrl_c_is_obeyed_at_once():
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


# --- several processes --------------------------------------------------------------------------

TWO = """
import sys, torch
from vqedu import adversarial, autoencoders, data, objectives, processes, training
images = data.load("fashion", limit=64)
options = {"batch_size": 16, "device": "cpu", "progress": False, "warmup": 1}

def start():
    torch.manual_seed(0)
    return autoencoders.vqvae(num_codes=16, code_dim=4, width=32, revive_after=3)

model = start()
training.fit(model, objectives.VQVAEObjective(0.5), images, steps=6, average=None, **options)
result = model.state_dict()

def duel(**more):
    model = start()
    torch.manual_seed(1)
    discriminator = adversarial.PatchDiscriminator(1, 8, 1)
    objective = objectives.VQGANObjective(discriminator=discriminator, lecam=0.1)
    training.fit(model, objective, images, steps=4, accumulate=2, **options, **more)
    names = {"duel." + k: v for k, v in model.state_dict().items()}
    return names | {"D." + k: v for k, v in objective.state_dict().items()}

whole = duel()
folder = f"{sys.argv[1]}-states-{processes.count()}"

class Killed(Exception):
    pass

def kill(step, history):
    if step == 3:
        raise Killed

try:
    duel(folder=folder, save_every=2, on_step=kill)
except Killed:
    pass
if processes.count() > 1:
    torch.distributed.barrier()
again = duel(folder=folder, resume=True)
if processes.rank() == 0:  # the others go on with the first one's BatchNorm averages
    assert all(torch.equal(value, again[name]) for name, value in whole.items())
torch.save(result | whole, f"{sys.argv[1]}-{processes.rank()}-of-{processes.count()}")
"""


def test_two_processes_train_one_model(tmp_path):
    """An EMA codebook with k-means start and revival; two players, parts, LeCam; and resumed."""
    script = tmp_path / "two.py"
    script.write_text(TWO)
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    launch += ["--multi_gpu"]  # the launcher for several processes; fit says which device it is
    for count in ("2", "1"):
        command = [*launch, "--num_processes", count] if count == "2" else [sys.executable]
        result = subprocess.run(
            [*command, str(script), str(tmp_path / "m")], capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
    first, second, alone = (
        torch.load(tmp_path / f"m-{name}", weights_only=True)
        for name in ("0-of-2", "1-of-2", "0-of-1")
    )
    assert len({*first}) == len({*alone})
    running = ("running_mean", "running_var")  # BatchNorm's, of each process's own share
    for name, value in alone.items():
        if not name.endswith(running):
            assert torch.equal(first[name], second[name]), name
        if not name.startswith(("duel.", "D.")):  # BatchNorm: another share, another gradient
            torch.testing.assert_close(first[name], value, rtol=2e-3, atol=2e-4, msg=name)


def test_a_batch_that_cannot_be_divided():
    with pytest.raises(InputError, match="batch_size=5 cannot be divided into accumulate=2 parts"):
        fit(Line(), to_three, POINTS, steps=1, batch_size=5, accumulate=2, **QUIET)
