"""Looking at a model without changing it."""

from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are, else its buffers; the CPU for a model of neither."""
    tensor = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if tensor is None else tensor.device


def noise_for(model: nn.Module, n: int, generator: torch.Generator | None = None) -> Tensor:
    """(n, ``model.latent_dim``) from N(0, 1), on the model's device; drawn on the generator's, by
    default the CPU, so that a seed gives the same on every device."""
    device = "cpu" if generator is None else generator.device
    z = torch.randn(n, model.latent_dim, generator=generator, device=device)
    return z.to(device_of(model))


@contextmanager
def evaluating(model: nn.Module):
    """Eval mode and no gradients inside; afterwards each sub-module is in the mode it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield model
    finally:
        for module, training in modes.items():
            module.training = training
