"""Drawing one token from logits: temperature and top-k."""

import torch
from torch import Tensor

from ..errors import InputError


def draw(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one index per row from softmax(logits / temperature).

    Args:
        logits: (B, K).
        temperature: below 1 sharpens the distribution, above 1 flattens it; above 0.
        top_k: keep only the k most likely codes; None keeps all.
        generator: of random numbers, on the logits' device; None takes torch's own.

    Returns:
        (B,) int64.

    Raises:
        InputError: temperature not above 0, or top_k outside [1, K].

    Shown in ``chapters/05_vqvae``.
    """
    if not temperature > 0:
        raise InputError(f"temperature must be above 0; got {temperature}")
    logits = logits.float() / temperature
    if top_k is not None:
        if not 1 <= top_k <= logits.shape[-1]:
            raise InputError(f"top_k must lie in [1, {logits.shape[-1]}]; got {top_k}")
        likely = logits.topk(top_k)
        logits = torch.full_like(logits, -torch.inf).scatter(1, likely.indices, likely.values)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
