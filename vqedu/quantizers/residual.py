"""Several quantisers, each for what the ones before it left over."""

import torch
from torch import Tensor, nn

from ..errors import InputError
from .base import Quantized, Quantizer
from .vq import EMAVectorQuantizer, VectorQuantizer

LEVELS = {"ema": EMAVectorQuantizer, "vq": VectorQuantizer}
LOSSES = ("loss", "codebook_loss", "commitment_loss")


class ResidualQuantizer(Quantizer):
    r"""Q quantisers in a row; a code is the sum of one from each.

    .. math:: r_0 = z_e, \qquad r_q = r_{q-1} - e_q, \qquad z_q = \sum_{q=1}^Q e_q

    where :math:`e_q` is the code of level q that is nearest to :math:`r_{q-1}`. Q levels of K codes
    tell :math:`K^Q` sums apart, in :math:`Q \log_2 K` bits a position. All losses are sums over the
    levels. The gradient goes straight through all of them at once: passed through each of them it
    would come to ``z_e`` Q times.

    ``indices`` has a trailing axis for the levels, (B, ``*S``, Q), and ``lookup`` takes the same;
    ``steps_unused`` is (Q, K).

    Args:
        num_codes: K, of each level.
        code_dim: D.
        num_quantizers: Q, at least 1.
        inner: what each level is, ``"ema"`` or ``"vq"``.
        options: see :class:`~vqedu.quantizers.Quantizer`; each level gets them.

    Raises:
        InputError: Q below 1, another ``inner``; in ``lookup`` also another count of levels.

    Source: Zeghidour et al. 2021 (SoundStream), Algorithm 1; Lee et al. 2022, §3.1, for
    images, where all levels share one codebook. Compared in ``chapters/09_outlook``.
    """

    def __init__(
        self,
        num_codes: int,
        code_dim: int,
        *,
        num_quantizers: int = 4,
        inner: str = "ema",
        **options,
    ):
        super().__init__(num_codes, code_dim, **options)
        if num_quantizers < 1 or inner not in LEVELS:
            raise InputError(
                f"num_quantizers must be >= 1 and inner one of {', '.join(LEVELS)}; "
                f"got {num_quantizers} and {inner!r}"
            )
        self.levels = nn.ModuleList(
            LEVELS[inner](num_codes, code_dim, **options) for _ in range(num_quantizers)
        )
        self.steps_unused = self.steps_unused.repeat(num_quantizers, 1)  # (Q, K)

    def quantize(self, vectors: Tensor) -> Quantized:
        rest, found = vectors, []
        for level in self.levels:
            found.append(level(rest))  # Algorithm 1
            rest = rest - found[-1].z_q.detach()
        z_q = sum(q.z_q for q in found)
        return Quantized(
            vectors + (z_q - vectors).detach(),
            torch.stack([q.indices for q in found], dim=1),  # (N, Q)
            *(sum(getattr(q, name) for q in found) for name in LOSSES),
        )

    def count_use(self, indices: Tensor) -> None:
        self.steps += 1
        self.steps_unused.copy_(torch.stack([level.steps_unused for level in self.levels]))

    def vectors_of(self, indices: Tensor) -> Tensor:
        if indices.ndim == 0 or indices.shape[-1] != len(self.levels):
            raise InputError(
                f"indices must end in an axis of {len(self.levels)} levels; "
                f"got {tuple(indices.shape)}"
            )
        by_level = zip(self.levels, indices.unbind(-1), strict=True)
        return sum(level.vectors_of(i) for level, i in by_level)  # (…, Q) -> (…, D)
