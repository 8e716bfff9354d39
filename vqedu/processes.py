"""Several training processes as one: sums and gathered tensors, the same on each of them.

With one process (no ``torch.distributed`` group) every function returns what it was given. All
processes must call the same functions in the same order. Used by :mod:`vqedu.quantizers`,
:mod:`vqedu.adversarial` and :mod:`vqedu.run`.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _several() else 1


def rank() -> int:
    """This process's number, from 0; the first one writes files and shows progress."""
    return dist.get_rank() if _several() else 0


@torch.no_grad()
def summed(tensor: Tensor) -> Tensor:
    """The sum of all processes' tensors, of one shape everywhere."""
    if not _several():
        return tensor
    tensor = tensor.clone()
    dist.all_reduce(tensor)
    return tensor


@torch.no_grad()
def gathered(tensor: Tensor) -> Tensor:
    """All processes' tensors (N, …) after one another: (processes · N, …)."""
    if not _several():
        return tensor
    tensor = tensor.contiguous()
    parts = [torch.empty_like(tensor) for _ in range(count())]
    dist.all_gather(parts, tensor)
    return torch.cat(parts)


@torch.no_grad()
def from_first(tensor: Tensor) -> Tensor:
    """The first process's tensor, on each of them; for what is drawn at random."""
    if not _several():
        return tensor
    tensor = tensor.contiguous().clone()
    dist.broadcast(tensor, 0)
    return tensor


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
