"""One training loop for every model of the course, on top of ``accelerate``."""

import itertools
import os
import platform
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from . import __version__, processes, states
from .errors import InputError
from .run import PRECISIONS, Batches, History, Interrupt, Run


def select_device(prefer: str | None = None) -> torch.device:
    """The device to compute on: CUDA if there is one, else Apple's MPS, else the CPU.

    Args:
        prefer: ``"cpu"``, ``"cuda"`` or ``"mps"``; else the variable ``VQEDU_DEVICE``, else the
            best there is.

    Raises:
        InputError: the preferred device is not on this machine.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    there["cpu"] = True
    prefer = prefer or os.environ.get("VQEDU_DEVICE")
    if not prefer:  # an empty variable counts as unset
        prefer = next(name for name, present in there.items() if present)
    if not there.get(prefer):
        have = ", ".join(name for name, present in there.items() if present)
        raise InputError(f"no device {prefer!r} on this machine; it has {have}")
    local = os.environ.get("LOCAL_RANK", "") if prefer == "cuda" else ""
    return torch.device(prefer, int(local)) if local else torch.device(prefer)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch on every device, so that a cell gives the same numbers again
    on the same CPU. Other machines round sums differently, and on a GPU some sums have no fixed
    order."""
    set_seed(seed)


def surroundings(device: str | None = None) -> dict[str, str]:
    """What a model is made with: versions, and the device in words."""
    device = select_device(device)
    words = f"CPU, {torch.get_num_threads()} thread(s)"
    if device.type != "cpu":
        words = torch.cuda.get_device_name(device) if device.type == "cuda" else "Apple GPU"
    versions = {"vqedu": __version__, "torch": torch.__version__}
    return versions | {"python": platform.python_version(), "device": words}


def fit(
    model: nn.Module,
    objective: Callable,
    data: Dataset,
    *,
    steps: int,
    batch_size: int = 64,
    accumulate: int = 1,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    warmup: int = 20,
    average: float | None = 0.99,
    seed: int = 0,
    device: str | None = None,
    precision: str = "no",
    folder: str | Path | None = None,
    save_every: int = 500,
    resume: bool = False,
    log_dir: str | Path | None = None,
    progress: bool = True,
    on_step: Callable[[int, History], None] | None = None,
    further: dict | None = None,
) -> History:
    """Train ``model`` on ``data`` so that ``objective(model, batch).total`` falls.

    Adam, cosine schedule with warm-up, moving average of the weights. Afterwards the model holds
    the averaged weights, is in eval mode, and stays on the device it was trained on. Stopped by
    Ctrl-C or SIGTERM, it finishes the step and ends the same way with what it has learned so far.

    An objective with a ``discriminator`` gets a second Adam for it, with the same settings: both
    networks move after each batch, each by the gradient of its own loss.

    Started by ``accelerate launch --multi_gpu --num_processes 2 script.py`` (on CPUs as well, with
    ``device="cpu"``), several processes train one model: each takes its part of every batch,
    gradients are averaged and codebook statistics summed.

    Args:
        model: moved to the device; convolutions' weights may be laid out channels last.
        objective: called as ``objective(model, batch)``, returns a ``Loss``.
        data: yields what the objective takes; shuffled, the last short batch is dropped.
        steps: number of weight updates.
        batch_size: items per update, over all processes.
        accumulate: work through each process's share in so many parts, one after the other, to
            save memory. Gradients are added up; a codebook's averages move once a part.
        lr: the highest learning rate.
        betas: Adam's; (0.5, 0.9) is usual against a discriminator.
        warmup: steps until the highest learning rate is reached.
        average: decay of the weights' moving average (Polyak and Juditsky 1992), shorter at the
            start; None: the last weights. Buffers, such as an EMA codebook, are not averaged.
        seed: of the shuffling and of all that draws at random during training.
        device: see :func:`select_device`.
        precision: ``"no"`` (float32), ``"bf16"``, or ``"fp16"`` with scaled gradients.
        folder: keep the state of the training there, see :mod:`vqedu.states`.
        save_every: steps between two states; one more at the end, and at Ctrl-C.
        resume: go on from the newest good state in ``folder``; on a CPU with the same weights,
            bit for bit, as if it had never stopped. Without any state, start at the beginning.
            Needs the same settings and the same number of processes.
        log_dir: write TensorBoard logs there.
        progress: show a bar with the terms.
        on_step: called with (step, history) after each step; for live curves.
        further: what else must be the same when a training is taken up again: plain values by
            name.

    Returns:
        The :class:`History` of all terms.

    Raises:
        InputError: no steps, a batch larger than the data set or one that cannot be divided, an
            average outside [0, 1), an unknown device or precision; a folder that already holds a
            training, or, resuming, one with other settings.
        TrainingError: the loss is NaN or infinite.
        CheckpointError: the folder cannot be written.

    Used from ``chapters/01_background`` on.
    """
    settings = {"steps": int(steps), "batch_size": int(batch_size), "accumulate": int(accumulate)}
    settings |= {"lr": float(lr), "betas": tuple(map(float, betas)), "warmup": int(warmup)}
    settings |= {"average": None if average is None else float(average), "seed": int(seed)}
    settings |= {"precision": precision, "items": len(data), **(further or {})}
    _check(settings, save_every)
    before = _earlier(folder, resume)
    accelerator = _accelerator(device, log_dir)
    share, rest = divmod(batch_size, accumulate * processes.count())
    if rest or not share:
        raise InputError(
            f"batch_size={batch_size} cannot be divided into accumulate={accumulate} parts "
            f"on {processes.count()} process(es)"
        )
    seed_everything(seed + processes.rank())  # each process draws its own noise
    run = Run(model, objective, settings, accelerator.device)
    if before:
        run.take_up(before)
    sampler = Batches(len(data), batch_size, accumulate, seed, run.step, steps)
    batches = iter(DataLoader(data, batch_sampler=sampler, generator=torch.Generator()))
    hidden = not progress or processes.rank() > 0
    bar = tqdm(total=steps, initial=run.step, disable=hidden, desc="training", mininterval=0.5)
    try:
        with Interrupt() as interrupt:
            while run.step < steps and not run.stopped:
                terms = run.update(list(itertools.islice(batches, accumulate)), interrupt)
                accelerator.log(terms, step=run.step)
                bar.update()
                if run.step % 10 == 0 or run.step == steps:
                    bar.set_postfix({k: f"{run.history.recent(k, 10):.3g}" for k in terms})
                if on_step:
                    on_step(run.step, run.history)
                if folder and run.step % save_every == 0 and run.step < steps:
                    _save(run, folder)
    except KeyboardInterrupt:
        if not run.whole:  # asked twice: in the middle of an update nothing is worth keeping
            raise
        run.stopped = True
    finally:
        bar.close()
        for tracker in accelerator.trackers:  # end_training() would part the processes as well
            tracker.finish()
    if run.stopped:
        tqdm.write(f"stopped at step {run.step} of {steps}")
    if folder and run.whole:
        _save(run, folder)
    return run.finish()


def _check(settings: dict, save_every: int) -> None:
    s = settings
    if s["steps"] < 1 or not 1 <= s["batch_size"] <= s["items"]:
        raise InputError(
            f"steps must be >= 1 and batch_size in [1, {s['items']}], the size of the data set; "
            f"got steps={s['steps']}, batch_size={s['batch_size']}"
        )
    if s["average"] is not None and not 0 <= s["average"] < 1:
        raise InputError(f"average must lie in [0, 1) or be None; got {s['average']}")
    if s["precision"] not in PRECISIONS:
        raise InputError(f"precision must be 'no', 'bf16' or 'fp16', not {s['precision']!r}")
    if not s["lr"] > 0 or min(s["accumulate"], save_every) < 1 or min(s["warmup"], s["seed"]) < 0:
        raise InputError(
            "lr must be above 0, accumulate and save_every at least 1, warmup and seed at least 0; "
            f"got lr={s['lr']}, accumulate={s['accumulate']}, save_every={save_every}, "
            f"warmup={s['warmup']}, seed={s['seed']}"
        )


def _earlier(folder: str | Path | None, resume: bool) -> dict | None:
    """The state to go on from, if there is one."""
    if resume and folder is None:
        raise InputError("resume=True needs the folder that the training is kept in")
    if resume:
        return states.newest_state(folder)
    if folder and states.states(folder):
        raise InputError(
            f"{folder} already holds a training: go on with resume=True (--resume), "
            "or use another folder"
        )
    return None


def _save(run: Run, folder: str | Path) -> None:
    state = run.state()  # by all processes, since it gathers
    if processes.rank() == 0:
        states.save_state(folder, state)


def _accelerator(device: str | None, log_dir: str | Path | None) -> Accelerator:
    AcceleratorState._reset_state(reset_partial_state=True)  # else the first call decides for all
    accelerator = Accelerator(
        cpu=select_device(device).type == "cpu",
        mixed_precision="no",  # fit has its own
        log_with="tensorboard" if log_dir else None,
        project_dir=str(log_dir) if log_dir else None,
    )
    if log_dir:
        accelerator.init_trackers("logs")
    return accelerator
