"""What a network costs: counted without running it, and measured beside others."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Of one image.

    Attributes:
        weights: number of parameters.
        multiplications: multiply-adds of a pass through encoder and decoder.
        memory: bytes that are kept for the gradients of an image.
    """

    weights: int
    multiplications: float
    memory: int


def cost(build: Callable[[], nn.Module], *shape: int) -> Cost:
    """Count on the meta device, where a network has shapes but neither numbers nor memory.

    Args:
        build: makes an autoencoder, with ``encoder`` and ``decoder``; without arguments.
        shape: (C, H, W) of its images.

    Used in ``chapters/09_outlook``.
    """
    kept = {}

    def keep(tensor):
        memory = tensor.untyped_storage()
        kept[memory._cdata] = memory.nbytes()
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with torch.device("meta"), FlopCounterMode(display=False) as counter, hooks:
        model, x = build(), torch.zeros(1, *shape)
        out = model.decoder(model.encoder(x))  # alive, so that nothing kept is freed and reused
    for parameter in model.parameters():  # they are there anyway
        kept.pop(parameter.untyped_storage()._cdata, None)
    del out
    weights = sum(p.numel() for p in model.parameters())
    return Cost(weights, counter.get_total_flops() / 2, sum(kept.values()))


def in_turn(functions: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """The median CPU seconds of each function. They take turns, so that all have the same luck.

    Used in ``chapters/09_outlook``.
    """
    taken = {name: [] for name in functions}
    for name in list(functions) * rounds:
        start = time.process_time()
        functions[name]()
        taken[name].append(time.process_time() - start)
    return {name: median(values) for name, values in taken.items()}
