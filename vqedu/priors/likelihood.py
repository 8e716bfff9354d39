"""What a grid of indices costs in bits under a prior."""

import math

import torch
from torch import Tensor

from ..errors import InputError
from ..inference import device_of, evaluating
from .base import AutoregressivePrior


def bits(
    prior: AutoregressivePrior, indices: Tensor, labels: Tensor, *, batch_size: int = 64
) -> Tensor:
    r""":math:`-\log_2 p(k \mid y) = -\sum_i \log_2 p(k_i \mid k_{<i}, y)` of each grid: the length
    of its code, when an ideal entropy coder uses this prior.

    Args:
        prior: one that reads in order (``GatedPixelCNN`` or ``Transformer``).
        indices: (B, h, w) int64 in [0, K).
        labels: (B,) int64 in [0, num_classes).
        batch_size: grids at a time.

    Returns:
        (B,) float64, on the CPU.

    Raises:
        InputError: a prior without an order, or indices or labels that do not fit the prior.

    Derived in ``chapters/04_math``.
    """
    if not isinstance(prior, AutoregressivePrior):
        raise InputError(
            f"only a prior that reads token after token is counted in bits, "
            f"not {type(prior).__name__}"
        )
    if labels.shape != indices.shape[:1]:
        raise InputError(
            f"one label per grid: expected shape ({len(indices)},); got {tuple(labels.shape)}"
        )
    device, costs = device_of(prior), []
    with evaluating(prior):
        for k, y in zip(indices.split(batch_size), labels.split(batch_size), strict=True):
            logits = prior(k.to(device), y.to(device)).cpu()  # MPS has no float64
            log_p = logits.double().log_softmax(1).gather(1, k.cpu().long()[:, None])
            costs.append(-log_p.flatten(1).sum(1) / math.log(2))  # (B, 1, h, w) -> (B,)
    return torch.cat(costs)


def bits_per_token(prior: AutoregressivePrior, indices: Tensor, labels: Tensor) -> float:
    """The mean of :func:`bits` per token; log2 K without a prior. Arguments as there."""
    return bits(prior, indices, labels).mean().item() / indices[0].numel()


def bits_per_dimension(
    prior: AutoregressivePrior, indices: Tensor, labels: Tensor, shape: tuple[int, int, int]
) -> float:
    """The mean of :func:`bits` per number in the image that the indices stand for.

    This is what the code of the *indices* takes. They determine the reconstruction, not the image:
    it is no bound on the bits per dimension of the image itself, which a lossless method reports.

    Args:
        prior: as in :func:`bits`; so are indices and labels.
        indices: (B, h, w) int64.
        labels: (B,) int64.
        shape: (C, H, W) of the image.
    """
    return bits(prior, indices, labels).mean().item() / math.prod(shape)
