"""A training in progress, for :func:`vqedu.training.fit`: one update after another."""

import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import Sampler

from . import processes, states
from .checkpoints import fingerprint
from .errors import InputError, TrainingError

PRECISIONS = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}


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


class Batches(Sampler):
    """The positions of the items of each batch, from one step to another.

    Every pass over the data is shuffled anew, worked out from the seed and the number of the pass
    alone, so that training can be taken up at any step. The last short batch of a pass is left
    out. Of each batch every process gets its share, cut into ``parts`` lists.
    """

    def __init__(self, items: int, batch_size: int, parts: int, seed: int, first: int, last: int):
        self.items, self.batch_size, self.parts, self.seed = items, batch_size, parts, seed
        self.first, self.last = first, last  # steps, from 0; the last is not included

    def __iter__(self):
        order = None
        for step in range(self.first, self.last):
            which, place = divmod(step, self.items // self.batch_size)
            if order is None or place == 0:
                shuffle = torch.Generator().manual_seed(1_000_003 * self.seed + which)
                order = torch.randperm(self.items, generator=shuffle)
            batch = order[place * self.batch_size : (place + 1) * self.batch_size]
            share = batch.chunk(processes.count())[processes.rank()]
            yield from (part.tolist() for part in share.chunk(self.parts))


class Interrupt:
    """Ctrl-C, or the end that a job scheduler announces by SIGTERM: heard between two steps rather
    than in the middle of one. A second one is obeyed at once."""

    asked = False

    def __enter__(self):
        self.before = {}
        if threading.current_thread() is threading.main_thread():  # others get no signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self._ask)
        return self

    def _ask(self, *_):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)


class Run:
    """The networks, their optimisers, the averaged weights and the history of one training.

    Args:
        model, objective: as for ``fit``; moved to the device and put in training mode.
        settings: those of ``fit`` that decide the result.
        device: where to compute.
    """

    def __init__(self, model: nn.Module, objective: Callable, settings: dict, device: torch.device):
        self.model, self.objective, self.device = model, objective, device
        discriminator = getattr(objective, "discriminator", None)
        self.players = {"model": model}
        if discriminator is not None:
            self.players["discriminator"] = discriminator
        self.settings = settings | {"players": list(self.players), "processes": processes.count()}
        modules = [m for m in (model, objective) if isinstance(m, nn.Module)]
        for module in modules:
            _settle(module, device).train()
        if processes.count() > 1:
            for value in (v for m in modules for v in m.state_dict().values()):
                value.copy_(processes.from_first(value))
        self.optimizers = {
            name: torch.optim.Adam(player.parameters(), settings["lr"], settings["betas"])
            for name, player in self.players.items()
        }
        decay, self.mean = settings["average"], None
        if decay is not None:
            self.mean = AveragedModel(model, multi_avg_fn=moving_average(decay))
        self.dtype = PRECISIONS[settings["precision"]]
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)
        self.history, self.step, self.stopped = History(), 0, False
        self.whole = True  # no update is half done
        self.begun = time.perf_counter()

    def update(self, batches: list, interrupt: Interrupt) -> dict[str, float]:
        """One update of all weights.

        Args:
            batches: the parts of this process's share of the batch.
            interrupt: when one process was asked to stop, all do, after this step.

        Returns:
            The loss's terms, means over parts and processes.

        Raises:
            TrainingError: a loss or a gradient that is not finite. The weights stay as they were;
                not so the averages of a codebook, which move when the loss is worked out.
        """
        self.whole = False
        if hasattr(self.objective, "step"):
            self.objective.step = self.step + 1
        s = self.settings
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = s["lr"] * cosine_with_warmup(self.step, s["steps"], s["warmup"])
        losses = [self._gradients(batch, len(batches)) for batch in batches]
        totals = [{"model": x.total, "discriminator": x.critic} for x in losses]
        totals = [{k: v for k, v in x.items() if v is not None} for x in totals]
        totals, terms = _means(totals, self.device), _means([x.terms for x in losses], self.device)
        self._check(totals, terms, "loss")
        asked = torch.tensor(float(interrupt.asked), device=self.device)
        self.stopped = processes.summed(asked).item() > 0
        for name in totals:
            _average_gradients(self.players[name])
        if not self.scaler.is_enabled():  # it looks for itself, and leaves such a step out
            norms = {name: _gradient_norm(self.players[name]) for name in totals}
            self._check(norms, terms, "gradient")
        for name in totals:
            self.scaler.step(self.optimizers[name])
        self.scaler.update()
        if self.mean:
            self.mean.update_parameters(self.model)
        self.step += 1
        self.history.add(self.step, terms)
        self.whole = True
        return terms

    def _gradients(self, batch, parts: int):
        """Add a part's gradients to those that are there; each loss moves its own network only."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            loss = self.objective(self.model, send_to_device(batch, self.device))
        losses = {"model": loss.total, "discriminator": loss.critic}
        for name, player in self.players.items():
            if losses[name] is not None:
                own = [p for p in player.parameters() if p.requires_grad]
                self.scaler.scale(losses[name] / parts).backward(inputs=own)
        return loss

    def _check(self, values: dict[str, float], terms: dict[str, float], what: str) -> None:
        for name, value in values.items():
            if not math.isfinite(value):
                whose = "" if name == "model" else f" of the {name}"
                known = ", ".join(f"{k}={v:.4g}" for k, v in terms.items())
                raise TrainingError(
                    f"the {what}{whose} became {value} at step {self.step + 1}: try a smaller "
                    "learning rate, and look for values that are not finite"
                    f"{f' ({known})' if known else ''}"
                )

    def state(self) -> dict:
        """All that decides how the training goes on: tensors, numbers and text."""
        return {
            "step": self.step,
            "settings": self.settings,
            "model": self.model.state_dict(),
            "objective": self._objective_state(),
            "mean": self.mean.state_dict() if self.mean else None,
            "optimizers": {name: x.state_dict() for name, x in self.optimizers.items()},
            "scaler": self.scaler.state_dict(),
            "random": states.random_state(self.device),
            "history": self.history.terms,
            "seconds": self.seconds,
        }

    def take_up(self, state: dict) -> None:
        """Go on where ``state`` was taken.

        Raises:
            InputError: it belongs to a training with other settings or another model.
        """
        states.check_settings(state["settings"], self.settings)
        try:
            self.model.load_state_dict(state["model"])
            if isinstance(self.objective, nn.Module):
                self.objective.load_state_dict(self._fixed() | state["objective"])
            if self.mean:
                self.mean.load_state_dict(state["mean"])
        except RuntimeError as error:
            raise InputError(f"the saved training is of another model: {error}") from error
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.scaler.load_state_dict(state["scaler"])
        self.history.terms, self.step = state["history"], state["step"]
        self.begun -= state["seconds"]
        states.restore_random_state(state["random"], self.device)

    def _objective_state(self) -> dict:
        if not isinstance(self.objective, nn.Module):
            return {}
        fixed = self._fixed()
        return {k: v for k, v in self.objective.state_dict().items() if k not in fixed}

    def _fixed(self) -> dict:
        """What does not change in training: the weights of a perceptual network."""
        named = self.objective.named_parameters()
        return {name: p.detach() for name, p in named if not p.requires_grad}

    @property
    def seconds(self) -> float:
        """Spent on this training so far, also before it was taken up again."""
        return time.perf_counter() - self.begun

    def finish(self) -> History:
        """Give the model its averaged weights and eval mode."""
        if self.mean and self.step:
            self.model.load_state_dict(self.mean.module.state_dict())
        self.model.eval()
        loss = getattr(self.objective, "perceptual", None)
        if loss is not None:  # no network may judge a model that was trained on it
            notes = {"perceptual": getattr(loss, "name", type(loss).__name__)}
            notes["perceptual_fingerprint"] = fingerprint(getattr(loss, "network", loss))
            self.model.notes = getattr(self.model, "notes", {}) | notes
        self.history.seconds = self.seconds
        return self.history


def _settle(model: nn.Module, device: torch.device) -> nn.Module:
    """Move the model to the device, and where it is quicker, lay out its convolutions' weights
    channels last; their values stay."""
    model.to(device)
    if device.type in ("cpu", "cuda"):
        for p in model.parameters():
            if p.ndim == 4:
                p.data = p.data.contiguous(memory_format=torch.channels_last)
    return model


def _gradient_norm(model: nn.Module) -> float:
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return nn.utils.get_total_norm(grads).item()


def _average_gradients(model: nn.Module) -> None:
    """Over the processes. By hand, since an objective calls more of a model than its forward."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    if processes.count() == 1 or not grads:
        return
    mean = processes.summed(torch.cat([g.flatten() for g in grads])) / processes.count()
    for g, part in zip(grads, mean.split([g.numel() for g in grads]), strict=True):
        g.copy_(part.view_as(g))


def _means(parts: list[dict], device: torch.device) -> dict[str, float]:
    """The mean of each named number, over the parts and over the processes."""
    if not parts[0]:
        return {}
    columns = [
        torch.stack(
            [torch.as_tensor(part[name], device=device).float().reshape(()) for part in parts]
        )
        for name in parts[0]
    ]
    values = processes.summed(torch.stack(columns).detach().mean(1)) / processes.count()
    return dict(zip(parts[0], values.tolist(), strict=True))
