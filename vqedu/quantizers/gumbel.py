"""Codes drawn at random, relaxed so that a gradient passes: the quantiser of DALL·E's dVAE."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .base import Quantized, Quantizer


class GumbelQuantizer(Quantizer):
    r"""The encoder gives each code a probability; in training a relaxed draw from them is used.

    .. math::
        q = \mathrm{softmax}(\ell), \qquad
        w = \mathrm{softmax}((\ell + g) / \tau), \qquad z_q = \sum_k w_k e_k,

    with logits :math:`\ell` linear in :math:`z_e` and Gumbel noise g. As the temperature τ falls,
    w comes close to the one-hot vector of a draw from q. The decoder's gradient reaches codes
    and encoder alike, through w. The loss is the divergence of q from equal probabilities,
    :math:`\mathrm{KL}(q \,\|\, 1/K) = \log K + \sum_k q_k \log q_k`, in ``codebook_loss``.

    In eval mode the most probable code is taken, and no gradient comes to ``z_e``. The index of a
    relaxed draw is that of its largest weight. This is the one method that must hold an N×K
    matrix: every vector is a mixture of all codes.

    Args:
        num_codes: K.
        code_dim: D.
        temperature: τ at the first training step, above 0.
        final_temperature: τ from step ``anneal_steps`` on, above 0; 1/16 in DALL·E.
        anneal_steps: training steps for which τ falls, along half a cosine. DALL·E took 150,000;
            the default suits the course's trainings.
        kl_weight: of the divergence; 5e-4 is the default of taming-transformers' quantiser.
            DALL·E's 6.6 is 0.034 here, since there the loss is divided by all 256·256·3 pixel
            values and the divergence is summed over 32·32 positions.
        options: see :class:`~vqedu.quantizers.Quantizer`; none of them has a part here.

    Raises:
        InputError: a temperature that is not above 0, ``anneal_steps`` below 1, ``kl_weight``
            below 0.

    Source: Ramesh et al. 2021, §2.1 and Appendix A.2; Jang et al. 2017, Eq. 2.
    Compared in ``chapters/09_outlook``.
    """

    def __init__(
        self,
        num_codes: int,
        code_dim: int,
        *,
        temperature: float = 1.0,
        final_temperature: float = 1 / 16,
        anneal_steps: int = 2000,
        kl_weight: float = 5e-4,
        **options,
    ):
        super().__init__(num_codes, code_dim, **options)
        if not (temperature > 0 and final_temperature > 0 and anneal_steps > 0 and kl_weight >= 0):
            raise InputError(
                "the temperatures must be > 0, anneal_steps >= 1 and kl_weight >= 0; got "
                f"temperature={temperature}, final_temperature={final_temperature}, "
                f"anneal_steps={anneal_steps}, kl_weight={kl_weight}"
            )
        self.first_temperature, self.final_temperature = temperature, final_temperature
        self.anneal_steps, self.kl_weight = anneal_steps, kl_weight
        self.logits = nn.Linear(code_dim, num_codes)
        self.codebook = nn.Parameter(torch.randn(num_codes, code_dim))  # (K, D)

    @property
    def temperature(self) -> float:
        """τ of the next training step."""
        progress = min(self.steps.item() / self.anneal_steps, 1)
        fall = self.first_temperature - self.final_temperature
        return self.final_temperature + fall * (1 + math.cos(math.pi * progress)) / 2

    def quantize(self, vectors: Tensor) -> Quantized:
        logits = self.logits(vectors)  # (N, D) -> (N, K)
        log_q = logits.log_softmax(1)
        kl = math.log(self.num_codes) + (log_q.exp() * log_q).sum(1).mean()
        if self.training:
            weights = F.gumbel_softmax(logits, self.temperature)  # Eq. 2, Jang 2017
            indices, z_q = weights.argmax(1), weights @ self.codebook
        else:
            indices = logits.argmax(1)
            z_q = self.vectors_of(indices)
        return Quantized(z_q, indices, self.kl_weight * kl, kl, kl.new_zeros(()))

    def vectors_of(self, indices: Tensor) -> Tensor:
        return F.embedding(indices, self.codebook)
