"""A mark in the tokens of drawn images: a secret key calls half of the codes green, sampling
prefers them, and whoever has the key counts them. Explained in ``chapters/09_outlook``.

Source: Kirchenbauer et al. 2023, §2, with a table for each place in the grid in place of one for
each word before; for images, Jovanović et al. 2025.
"""

import torch
from torch import Tensor

from .errors import InputError


def colours(key: int, grid: tuple[int, int], num_codes: int) -> Tensor:
    """(h, w, K) bool: which codes are green, at each place about half of them.

    Args:
        key: the secret.
        grid: (h, w) of the tokens.
        num_codes: K.
    """
    secret = torch.Generator().manual_seed(key)
    return torch.rand(*grid, num_codes, generator=secret) < 0.5


def green(tokens: Tensor, table: Tensor) -> Tensor:
    """The share of green tokens in each grid.

    Args:
        tokens: (N, h, w) int64.
        table: (h, w, K) of :func:`colours`.

    Returns:
        (N,) in [0, 1]; near a half without a mark.

    Raises:
        InputError: grids of another size.
    """
    if tokens.ndim != 3 or tokens.shape[1:] != table.shape[:2]:
        h, w = table.shape[:2]
        raise InputError(f"tokens must be (N, {h}, {w}); got {tuple(tokens.shape)}")
    table = table.expand(len(tokens), -1, -1, -1)
    return table.gather(3, tokens[..., None]).float().mean((1, 2, 3))


def detected(
    scores: Tensor, ordinary: Tensor, together: int = 1, false_alarms: float = 0.01
) -> float:
    """How often a mark is found in so many images of one source together.

    The mean of their scores has to exceed what this share of groups of ordinary images exceeds.
    Both kinds of groups are drawn anew, 4,000 each, with replacement and always the same.

    Args:
        scores: (N,) of marked images.
        ordinary: (M,) of images without a mark.
        together: images in a group.
        false_alarms: share of ordinary groups that are taken for marked ones.

    Raises:
        InputError: no scores, no group, or a share outside (0, 1).
    """
    if not len(scores) or not len(ordinary) or together < 1 or not 0 < false_alarms < 1:
        raise InputError(
            "detected needs scores of both kinds, together >= 1 and false_alarms in (0, 1); got "
            f"{len(scores)} and {len(ordinary)} scores, {together}, {false_alarms}"
        )
    draw = torch.Generator().manual_seed(0)

    def groups(values: Tensor) -> Tensor:
        return values.cpu()[torch.randint(len(values), (4000, together), generator=draw)].mean(1)

    threshold = groups(ordinary).quantile(1 - false_alarms)
    return (groups(scores) > threshold).float().mean().item()
