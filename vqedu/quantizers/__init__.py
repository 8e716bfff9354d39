"""Quantisers: one constructor signature, one return type. Swap one word, swap the method.

=======================  ========  ==========  ====  =================  ===========================
class                    name      parameters  bits  codes learn from   source
=======================  ========  ==========  ====  =================  ===========================
VectorQuantizer          vq            65,536    10  codebook loss      van den Oord et al. 2017
EMAVectorQuantizer       ema                0    10  moving averages    van den Oord et al. 2017
CosineVectorQuantizer    cosine        65,536    10  codebook loss      Yu et al. 2022
RotationVectorQuantizer  rotation           0    10  moving averages    Fifty et al. 2024
SimVectorQuantizer       sim            4,096    10  codebook loss      Zhu et al. 2024
GumbelQuantizer          gumbel       132,096    10  reconstruction     Ramesh et al. 2021
FSQ                      fsq              580    10  reconstruction     Mentzer et al. 2023
LFQ                      lfq            1,354    10  reconstruction     Yu et al. 2023
ResidualQuantizer        residual           0    40  moving averages    Zeghidour et al. 2021
=======================  ========  ==========  ====  =================  ===========================

``parameters`` are those that an optimiser trains, at K = 1024 codes of D = 64 numbers; ``bits`` is
what one position takes then, at equally probable codes. "Codebook loss" and "reconstruction" say
whose gradient moves what ``lookup`` returns. Of FSQ and LFQ that moves only the linear layer back
to D numbers; where D is the count of their own numbers they have none, and the codes stand still.
"""

from ..errors import InputError
from .base import Quantized, Quantizer
from .gumbel import GumbelQuantizer
from .kmeans import assign, kmeans
from .residual import ResidualQuantizer
from .scalar import FSQ, LFQ
from .variants import CosineVectorQuantizer, RotationVectorQuantizer, SimVectorQuantizer
from .vq import EMAVectorQuantizer, VectorQuantizer

BY_NAME = {
    "vq": VectorQuantizer,
    "ema": EMAVectorQuantizer,
    "cosine": CosineVectorQuantizer,
    "rotation": RotationVectorQuantizer,
    "sim": SimVectorQuantizer,
    "gumbel": GumbelQuantizer,
    "fsq": FSQ,
    "lfq": LFQ,
    "residual": ResidualQuantizer,
}


def build(name: str, num_codes: int, code_dim: int, **options) -> Quantizer:
    """The quantiser of a name.

    Args:
        name: a key of ``BY_NAME``.
        num_codes: K.
        code_dim: D.
        options: passed on to it: ``beta``, ``decay``, …

    Raises:
        InputError: an unknown name.
    """
    if name not in BY_NAME:
        raise InputError(f"unknown quantizer {name!r}; have {', '.join(BY_NAME)}")
    return BY_NAME[name](num_codes, code_dim, **options)


__all__ = [
    "BY_NAME",
    "FSQ",
    "LFQ",
    "CosineVectorQuantizer",
    "EMAVectorQuantizer",
    "GumbelQuantizer",
    "Quantized",
    "Quantizer",
    "ResidualQuantizer",
    "RotationVectorQuantizer",
    "SimVectorQuantizer",
    "VectorQuantizer",
    "assign",
    "build",
    "kmeans",
]
