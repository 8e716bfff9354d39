"""One training loop for every model of the course, on top of ``accelerate``."""

import itertools
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from .errors import InputError, TrainingError


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
        return torch.device(next(name for name, present in there.items() if present))
    if not there.get(prefer):
        have = ", ".join(name for name, present in there.items() if present)
        raise InputError(f"no device {prefer!r} on this machine; it has {have}")
    return torch.device(prefer)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch on every device, so that a cell gives the same numbers again
    on the same CPU. Other machines round sums differently, and on a GPU some sums have no fixed
    order."""
    set_seed(seed)


@dataclass
class History:
    """What happened, step by step: ``history["psnr"]`` is a list along ``history["step"]``."""

    terms: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0

    def __getitem__(self, name: str) -> list[float]:
        return self.terms[name]

    def __contains__(self, name: str) -> bool:
        return name in self.terms

    def add(self, step: int, terms: dict) -> None:
        for name, value in {"step": step, **terms}.items():
            self.terms.setdefault(name, []).append(float(value))

    def recent(self, name: str, n: int = 50) -> float:
        """The mean of the last n values: a single step is noisy."""
        values = self.terms[name][-n:]
        return sum(values) / len(values)


def cosine_with_warmup(step: int, steps: int, warmup: int) -> float:
    """Factor of the learning rate: up in a line over ``warmup`` steps, then down half a cosine
    to zero (Loshchilov and Hutter 2017, without restarts)."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def moving_average(decay: float) -> Callable:
    """For ``AveragedModel``: the n-th update after the first has the decay
    min(decay, (1 + n) / (10 + n)), so that a short training does not average in its own first
    weights."""

    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], n: Tensor | int) -> None:
        weight = 1 - min(decay, (1 + int(n)) / (10 + int(n)))
        for average, value in zip(averages, values, strict=True):
            average.lerp_(value, weight)

    return update


def fit(
    model: nn.Module,
    objective: Callable,
    data: Dataset,
    *,
    steps: int,
    batch_size: int = 64,
    lr: float = 1e-3,
    warmup: int = 20,
    average: float | None = 0.99,
    seed: int = 0,
    device: str | None = None,
    precision: str = "no",
    log_dir: str | Path | None = None,
    progress: bool = True,
    on_step: Callable[[int, History], None] | None = None,
) -> History:
    """Train ``model`` on ``data`` so that ``objective(model, batch).total`` falls.

    Adam, cosine schedule with warm-up, moving average of the weights. Afterwards the model holds
    the averaged weights, is in eval mode, and stays on the device it was trained on. Stopped by
    Ctrl-C, it ends the same way with what it has learned so far.

    Args:
        model: moved to the device; convolutions' weights may be laid out channels last.
        objective: called as ``objective(model, batch)``, returns a ``Loss``.
        data: yields what the objective takes; shuffled, the last short batch is dropped.
        steps: number of weight updates.
        batch_size: items per step.
        lr: the highest learning rate.
        warmup: steps until it is reached.
        average: decay of the weights' moving average (Polyak and Juditsky 1992), shorter at the
            start; None: the last weights. Buffers, such as an EMA codebook, are not averaged.
        seed: of the shuffling and of all that draws at random during training.
        device: see :func:`select_device`.
        precision: ``"no"`` (float32), ``"bf16"`` or ``"fp16"``.
        log_dir: write TensorBoard logs there.
        progress: show a bar with the terms.
        on_step: called with (step, history) after each step; for live curves.

    Returns:
        The :class:`History` of all terms.

    Raises:
        InputError: no steps, a batch larger than the data set, an average outside [0, 1), an
            unknown device or precision, or several processes.
        TrainingError: the loss is NaN or infinite.

    Used from ``chapters/05_vqvae`` on.
    """
    if steps < 1 or not 1 <= batch_size <= len(data):
        raise InputError(
            f"steps must be >= 1 and batch_size in [1, {len(data)}], the size of the data set; "
            f"got steps={steps}, batch_size={batch_size}"
        )
    if average is not None and not 0 <= average < 1:
        raise InputError(f"average must lie in [0, 1) or be None; got {average}")
    accelerator = _accelerator(device, precision, log_dir)
    seed_everything(seed)
    _settle(model, accelerator.device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: cosine_with_warmup(step, steps, warmup)
    )
    shuffle = torch.Generator().manual_seed(seed)
    loader = DataLoader(data, batch_size, shuffle=True, drop_last=True, generator=shuffle)
    # Not the model: preparing it would leave it under autocast when training is over.
    optimizer, loader, schedule = accelerator.prepare(optimizer, loader, schedule)
    mean = average is not None and AveragedModel(model, multi_avg_fn=moving_average(average))
    history, start = History(), time.perf_counter()
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    bar = tqdm(range(1, steps + 1), disable=not progress, desc="training", mininterval=0.5)
    try:
        for step, batch in zip(bar, batches, strict=False):
            terms = _update(accelerator, model, objective, batch, optimizer, step)
            schedule.step()
            if mean:
                mean.update_parameters(model)
            history.add(step, terms)
            accelerator.log({k: v[-1] for k, v in history.terms.items()}, step=step)
            if step % 10 == 0 or step == steps:
                bar.set_postfix({k: f"{history.recent(k, 10):.3g}" for k in terms})
            if on_step:
                on_step(step, history)
    except KeyboardInterrupt:
        tqdm.write(f"stopped at step {len(history['step']) if history.terms else 0} of {steps}")
    finally:
        bar.close()
        accelerator.end_training()
    if mean and history.terms:
        model.load_state_dict(mean.module.state_dict())
    model.eval()
    history.seconds = time.perf_counter() - start
    return history


def _settle(model: nn.Module, device: torch.device) -> nn.Module:
    """Move the model to the device, and where it is quicker, lay out its convolutions' weights
    channels last; their values stay."""
    model.to(device)
    if device.type in ("cpu", "cuda"):
        for p in model.parameters():
            if p.ndim == 4:
                p.data = p.data.contiguous(memory_format=torch.channels_last)
    return model


def _update(accelerator, model, objective, batch, optimizer, step: int) -> dict:
    """One update of the weights; returns the loss's terms."""
    with accelerator.autocast():
        loss = objective(model, batch)
    if not torch.isfinite(loss.total):
        raise TrainingError(
            f"the loss became {loss.total.item()} at step {step}: "
            "try a smaller learning rate, and look for values that are not finite"
        )
    optimizer.zero_grad()
    accelerator.backward(loss.total)
    optimizer.step()
    return loss.terms


def _accelerator(device: str | None, precision: str, log_dir: str | Path | None) -> Accelerator:
    on_cpu = select_device(device).type == "cpu"
    if precision not in ("no", "bf16", "fp16"):
        raise InputError(f"precision must be 'no', 'bf16' or 'fp16', not {precision!r}")
    if on_cpu and precision == "fp16":
        raise InputError("precision 'fp16' needs a GPU; on a CPU use 'bf16' or 'no'")
    AcceleratorState._reset_state(reset_partial_state=True)  # else the first call decides for all
    accelerator = Accelerator(
        cpu=on_cpu,
        mixed_precision=precision,
        log_with="tensorboard" if log_dir else None,
        project_dir=str(log_dir) if log_dir else None,
    )
    if accelerator.num_processes > 1:
        raise InputError("this version trains in one process; start it without 'accelerate launch'")
    if log_dir:
        accelerator.init_trackers("logs")
    return accelerator
