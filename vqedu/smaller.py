"""A trained network made smaller: fewer weights, fewer channels, fewer bits a weight.

Compared in ``chapters/09_outlook``: what each saves of the file, and of the time.
"""

import copy
import zlib

import torch
from torch import nn
from torch.nn.utils import prune

from .errors import InputError


def convolutions(model: nn.Module) -> list[nn.Conv2d]:
    """The layers that hold nearly all weights."""
    return [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]


def pruned(model: nn.Module, share: float) -> nn.Module:
    """A copy whose smallest convolution weights, this share of them all, are zero.

    Raises:
        InputError: a share outside [0, 1).

    Source: Han et al. 2016, §2, over all layers at once.
    """
    if not 0 <= share < 1:
        raise InputError(f"share must lie in [0, 1); got {share}")
    small = copy.deepcopy(model)
    weights = [(layer, "weight") for layer in convolutions(small)]
    prune.global_unstructured(weights, prune.L1Unstructured, amount=share)
    for layer, name in weights:
        prune.remove(layer, name)
    return small


@torch.no_grad()
def narrow(first: nn.Conv2d, second: nn.Conv2d, keep: int) -> None:
    """Cut channels out between two layers, in place; those of the largest norms stay.

    Args:
        first: what gives the channels.
        second: what reads them; between the two nothing may depend on their number.
        keep: how many stay.

    Raises:
        InputError: another number of channels between the two, or none left.

    Source: Li et al. 2017, §3.1, with the L2 norms of both layers in place of L1 of the first.
    """
    if second.in_channels != first.out_channels or not 1 <= keep <= first.out_channels:
        raise InputError(
            f"cannot keep {keep} channels between layers of {first.out_channels} outputs "
            f"and {second.in_channels} inputs"
        )
    norm = first.weight.flatten(1).norm(dim=1) * second.weight.transpose(0, 1).flatten(1).norm(
        dim=1
    )
    kept = norm.topk(keep).indices
    first.weight = nn.Parameter(first.weight[kept])
    if first.bias is not None:
        first.bias = nn.Parameter(first.bias[kept])
    second.weight = nn.Parameter(second.weight[:, kept])
    first.out_channels = second.in_channels = keep


@torch.no_grad()
def rounded(model: nn.Module, bits: int) -> nn.Module:
    """A copy whose convolution weights are whole multiples of a step, one for each channel that a
    layer gives: symmetric, the largest weight at 2^(bits−1) − 1 steps.

    The copy computes with ordinary floats; its ``stored`` holds what a file would: whole numbers in
    int8, steps, biases.

    Raises:
        InputError: bits outside [2, 8].

    Source: Jacob et al. 2018, §2.1, without a zero point.
    """
    if not 2 <= bits <= 8:
        raise InputError(f"bits must lie in [2, 8]; got {bits}")
    small = copy.deepcopy(model)
    small.stored = []
    for layer in convolutions(small):
        largest = layer.weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
        step = largest / (2 ** (bits - 1) - 1)
        whole = (layer.weight / step).round()
        layer.weight.copy_(whole * step)
        small.stored += [whole.to(torch.int8), step]
        small.stored += [] if layer.bias is None else [layer.bias]
    return small


def kilobytes(model: nn.Module) -> float:
    """The size of a file of its weights, zipped; of a :func:`rounded` one, of what is stored."""
    tensors = getattr(model, "stored", None) or model.parameters()
    content = b"".join(t.detach().cpu().contiguous().numpy().tobytes() for t in tensors)
    return len(zlib.compress(content)) / 1000
