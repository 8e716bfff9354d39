"""Three ways to improve on the VQ-VAE paper's quantisers, each a change of a few lines."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .nearest import CodebookQuantizer, NearestQuantizer
from .vq import EMAVectorQuantizer

EPS = 1e-6  # a vector shorter than this has no direction


class CosineVectorQuantizer(CodebookQuantizer):
    r"""Vectors and codes are compared, and returned, at length 1: only the direction counts.

    With :math:`\ell(v) = v / \|v\|`, the loss is that of
    :class:`~vqedu.quantizers.VectorQuantizer` on :math:`\ell(z_e)` and :math:`\ell(e)`. On the
    unit sphere :math:`\|\ell(z_e) - \ell(e)\|^2 = 2 - 2\cos(z_e, e)`, so the nearest code is the
    one at the smallest angle. The gradient goes straight through to :math:`\ell(z_e)` and from
    there, by the chain rule, to :math:`z_e`.

    For the arguments see :class:`~vqedu.quantizers.Quantizer` (``decay`` has no part).

    Source: Yu et al. 2022 (ViT-VQGAN), §3.2. Compared in ``chapters/09_outlook``.
    """

    def __init__(self, num_codes: int, code_dim: int, **options):
        super().__init__(num_codes, code_dim, **options)
        self.codebook = nn.Parameter(self.first_codebook())  # (K, D), of any length

    def codes(self) -> Tensor:
        return F.normalize(self.codebook, eps=EPS)

    def prepare(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, eps=EPS)


class RotationVectorQuantizer(EMAVectorQuantizer):
    r"""The gradient is turned and stretched as the vector was on its way to the code.

    .. math:: e = \lambda R\,z_e, \qquad \lambda = \|e\| / \|z_e\|,

    where R is the rotation that takes the direction of :math:`z_e` to that of e; the gradient of
    :math:`z_q` is passed on through :math:`\lambda R` as if that were constant. So
    the gradient makes with :math:`z_e` the angle that it made with e, which the straight-through
    gradient does not. Where
    :math:`z_e` is zero it has no direction, and the gradient goes straight through.

    For the arguments see :class:`~vqedu.quantizers.Quantizer`. The codes move as in
    :class:`~vqedu.quantizers.EMAVectorQuantizer`.

    Source: Fifty et al. 2024, §4.2. Compared in ``chapters/09_outlook``.
    """

    def pass_gradient(self, z: Tensor, e: Tensor) -> Tensor:
        length = z.detach().norm(dim=1, keepdim=True)  # (N, 1)
        z_hat, e_hat = F.normalize(z.detach(), eps=EPS), F.normalize(e, eps=EPS)
        r = F.normalize(z_hat + e_hat, eps=EPS)
        # R = I - 2 r rᵀ + 2 ê ẑᵀ, applied without forming it: §4.2, Fifty 2024
        reflected = 2 * r * (r * z).sum(1, keepdim=True)
        along = 2 * e_hat * (z_hat * z).sum(1, keepdim=True)
        stretch = e.norm(dim=1, keepdim=True) / length.clamp(min=EPS)  # λ
        moved = torch.where(length > EPS, stretch * (z - reflected + along), z)
        return moved + (e - moved).detach()  # the value of e, however λR z was rounded


class SimVectorQuantizer(NearestQuantizer):
    r"""The codes are a frozen random codebook C times a learned linear map W: :math:`e = W c`.

    One step of the codebook loss moves W and with it all K codes, also those that nobody chose;
    so an unused one can come back. For the arguments see :class:`~vqedu.quantizers.Quantizer`
    (``decay``, ``kmeans_init`` and ``revive_after`` have no part: no code can be put anywhere
    alone).

    Source: Zhu et al. 2024 (SimVQ), §3. Compared in ``chapters/09_outlook``.
    """

    def __init__(self, num_codes: int, code_dim: int, **options):
        super().__init__(num_codes, code_dim, **options)
        frozen = torch.randn(num_codes, code_dim) * code_dim**-0.5
        self.register_buffer("frozen_codebook", frozen)  # (K, D), of length 1 in the mean
        self.map = nn.Linear(code_dim, code_dim, bias=False)

    def codes(self) -> Tensor:
        return self.map(self.frozen_codebook)
