"""How a codebook is used."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError


@dataclass(frozen=True)
class CodeUsage:
    """How a codebook of K entries is used over a whole data set.

    Attributes:
        counts: (K,) int64, how often each code was chosen.
        used: share of the codes chosen at least once, 0 to 1.
        perplexity: exp of the entropy of the codes' frequencies, 1 to K: the number of equally
            frequent codes that would carry as much information.
        entropy: the same in bits a token, 0 to log2 K.
    """

    counts: Tensor
    used: float
    perplexity: float
    entropy: float


def code_usage(indices: Tensor, num_codes: int) -> CodeUsage:
    """Usage and perplexity of indices of any shape, in [0, K).

    The levels of a residual quantiser, (N, h, w, Q), are counted together. Used from
    ``chapters/00_start_here`` on.

    Raises:
        InputError: no indices, or one outside [0, K).
    """
    if indices.numel() == 0 or indices.min() < 0 or indices.max() >= num_codes:
        raise InputError(f"code_usage needs at least one index, all in [0, {num_codes})")
    counts = indices.flatten().bincount(minlength=num_codes).cpu()
    p = counts.double() / counts.sum()
    nats = -torch.special.xlogy(p, p).sum().item()
    used = (counts > 0).double().mean().item()
    return CodeUsage(counts, used, perplexity=math.exp(nats), entropy=nats / math.log(2))
