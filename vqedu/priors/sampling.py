"""Drawing one token from logits: temperature, top-k and top-p."""

import torch
from torch import Tensor

from ..errors import InputError


def draw(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one index per row from softmax(logits / temperature).

    Args:
        logits: (B, K).
        temperature: below 1 sharpens the distribution, above 1 flattens it; above 0.
        top_k: keep only the k most likely codes; None keeps all.
        top_p: of those, keep only the fewest, most likely ones whose probabilities add up to at
            least top_p (nucleus sampling); None keeps all.
        generator: of random numbers, on any device: they are drawn there and moved. None takes
            torch's own on the logits' device.

    Returns:
        (B,) int64.

    Raises:
        InputError: temperature not above 0, top_k outside [1, K], top_p outside (0, 1], or logits
            that are NaN or +inf, or -inf for all codes.

    Source of top-p: Holtzman et al. 2020, §3.1. Shown in ``chapters/05_vqvae``.
    """
    num_codes = logits.shape[-1]
    if not temperature > 0:
        raise InputError(f"temperature must be above 0; got {temperature}")
    if top_k is not None and not 1 <= top_k <= num_codes:
        raise InputError(f"top_k must lie in [1, {num_codes}]; got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"top_p must lie in (0, 1]; got {top_p}")
    logits, codes = logits.float() / temperature, None
    if top_k is not None or top_p is not None:
        logits, codes = logits.topk(top_k or num_codes)  # the most likely first
    p = logits.softmax(-1)
    if top_p is not None:
        p = p.where(p.cumsum(-1) - p < top_p, 0.0)  # what the more likely codes have together
    drawn = _draw(p, generator)
    return drawn if codes is None else codes.gather(-1, drawn[:, None])[:, 0]


def _draw(p: Tensor, generator: torch.Generator | None) -> Tensor:
    """(B, K) weights -> (B,), by the inverse of the distribution function: one random number a
    row, where ``torch.multinomial`` takes K and needs ten times the time."""
    cdf = p.cumsum(-1)
    total = cdf[:, -1:]
    if not total.isfinite().all():
        raise InputError("no code can be drawn from logits that are NaN or not finite")
    u = 1 - torch.rand(total.shape, device=noise_device(p, generator), generator=generator)
    drawn = torch.searchsorted(cdf, u.to(p.device) * total)  # u in (0, 1]: no leading zeros
    # Summed in parallel, as on a GPU, the function may rise by rounding where p is 0.
    impossible = p.gather(-1, drawn) == 0
    if impossible.any():
        drawn = drawn.where(~impossible, p.argmax(-1, keepdim=True))
    return drawn[:, 0]


def noise_device(x: Tensor, generator: torch.Generator | None) -> torch.device:
    """Where random numbers for x are to be drawn: torch refuses a generator of another device."""
    return x.device if generator is None else generator.device
