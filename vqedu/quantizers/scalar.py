"""Codes that need no codebook: each of a few numbers is rounded by itself."""

import itertools
import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import processes
from ..errors import InputError
from .base import Quantized, Quantizer

EPS = 1e-3  # how much the bound of FSQ goes beyond the outermost level; as in common ports


class ScalarQuantizer(Quantizer):
    """A code is a list of digits, one for each number; number i has ``levels[i]`` possible ones.

    The index is the number that the digits spell, the first being worth least. Where D is not the
    count of the numbers, one linear layer leads to them and another one back.

    A subclass says what value a digit stands for (:meth:`values`).
    """

    def __init__(self, num_codes: int, code_dim: int, levels: tuple[int, ...], **options):
        super().__init__(num_codes, code_dim, **options)
        self.levels, width = tuple(levels), len(levels)
        worth = [math.prod(self.levels[:i]) for i in range(width)]
        self.register_buffer("bases", torch.tensor(self.levels), persistent=False)
        self.register_buffer("worth", torch.tensor(worth), persistent=False)
        same = code_dim == width
        self.project_in = nn.Identity() if same else nn.Linear(code_dim, width)
        self.project_out = nn.Identity() if same else nn.Linear(width, code_dim)

    def values(self, digits: Tensor) -> Tensor:
        """(…, len(levels)) integers -> the numbers they stand for."""
        raise NotImplementedError

    def indices_of(self, digits: Tensor) -> Tensor:
        """(N, len(levels)) -> (N,)."""
        return (digits * self.worth).sum(1)

    def vectors_of(self, indices: Tensor) -> Tensor:
        digits = indices[..., None] // self.worth % self.bases  # (…) -> (…, len(levels))
        return self.project_out(self.values(digits))


class FSQ(ScalarQuantizer):
    r"""Finite scalar quantisation: each number is bounded by a tanh and rounded.

    .. math::
        \hat z_i = \frac{\mathrm{round}\big(h_i \tanh(z_i + s_i) - o_i\big)}
                        {\lfloor L_i / 2 \rfloor}, \qquad
        h_i = (L_i - 1)(1 + \varepsilon)/2

    For an even number of levels the offset :math:`o_i = 1/2` puts them between the whole numbers
    and the shift :math:`s_i = \tanh^{-1}(o_i/h_i)` makes zero stay zero; both are 0 for an odd
    number. The gradient goes straight through the rounding, and by the chain rule through the
    tanh. There is nothing to add to the loss: no codes have to move, and an unused one is never
    lost.

    Args:
        num_codes: K, the product of the levels.
        code_dim: D.
        levels: the number of levels L of each number, 3 to 256. By default the fewest that have
            the product K, each from 3 to 8, and of these the most even ones. For K = 240, 1000,
            4375, 15360, 64000 they are those of the paper's table (there named 2⁸, 2¹⁰, … 2¹⁶).
        options: see :class:`~vqedu.quantizers.Quantizer`; none of them has a part here.

    Raises:
        InputError: ``levels`` out of range or with another product than K, or a K that is no
            product of levels from 3 to 8.

    Source: Mentzer et al. 2023, §3.1, Table 1 and Appendix A.1 (whose code has 1 - ε, and tan in
    place of tanh⁻¹, by which zero moves a little). Compared in ``chapters/09_outlook``.
    """

    def __init__(
        self, num_codes: int, code_dim: int, *, levels: list[int] | None = None, **options
    ):
        super().__init__(num_codes, code_dim, _levels(num_codes, levels), **options)

    def quantize(self, vectors: Tensor) -> Quantized:
        z = self.project_in(vectors)  # (N, D) -> (N, len(levels))
        half = (self.bases - 1) * (1 + EPS) / 2
        offset = (self.bases % 2 == 0) / 2
        bounded = (z + torch.atanh(offset / half)).tanh() * half - offset
        digits = bounded.detach().round().long() + self.bases // 2  # each in [0, L)
        e = self.values(digits)
        z_hat = bounded / (self.bases // 2)
        z_q = self.project_out(z_hat + (e - z_hat).detach())
        zero = z_q.new_zeros(())
        return Quantized(z_q, self.indices_of(digits), zero, zero, zero)

    def values(self, digits: Tensor) -> Tensor:
        return (digits - self.bases // 2) / (self.bases // 2)  # in [-1, 1]


class LFQ(ScalarQuantizer):
    r"""Look-up free quantisation: a code is the signs of log₂ K numbers.

    .. math::
        \hat z_i = \mathrm{sign}(z_i), \qquad
        L = \beta\,\|z - \mathrm{sg}[\hat z]\|^2
            + w\,\big(\mathbb{E}[H(p(\cdot \mid z))] - \gamma\,H(\mathbb{E}[p(\cdot \mid z)])\big)

    with :math:`p(c \mid z) \propto \exp(-\|z - c\|^2/\tau)` over the K sign patterns c. The first
    entropy falls as each vector comes to belong to one code, the second one rises as the batch
    comes to use all of them equally; their difference is in ``codebook_loss``. Both are exact, see
    :func:`entropies`. The gradient of ``z_q`` goes straight through the sign.

    Args:
        num_codes: K, a power of 2, at least 2.
        code_dim: D.
        entropy_weight: w, at least 0.
        diversity: γ, at least 0.
        temperature: τ, above 0.
        options: see :class:`~vqedu.quantizers.Quantizer`; ``beta`` is used, the others have no
            part here.

    Raises:
        InputError: K is not a power of 2, or a weight or the temperature is out of range.

    Source: Yu et al. 2023 (MAGVIT-v2), §3.1; the weights and τ are common ports' defaults.
    Compared in ``chapters/09_outlook``.
    """

    def __init__(
        self,
        num_codes: int,
        code_dim: int,
        *,
        entropy_weight: float = 0.1,
        diversity: float = 1.0,
        temperature: float = 0.01,
        **options,
    ):
        width = max(num_codes, 1).bit_length() - 1
        if num_codes != 2**width or width == 0:
            near = " or ".join(str(2**i) for i in (width, width + 1) if i)
            raise InputError(f"LFQ needs num_codes to be a power of 2; got {num_codes}: try {near}")
        if entropy_weight < 0 or diversity < 0 or temperature <= 0:
            raise InputError(
                "entropy_weight and diversity must be >= 0 and temperature > 0; got "
                f"entropy_weight={entropy_weight}, diversity={diversity}, temperature={temperature}"
            )
        super().__init__(num_codes, code_dim, (2,) * width, **options)
        self.entropy_weight, self.diversity = entropy_weight, diversity
        self.temperature = temperature

    def quantize(self, vectors: Tensor) -> Quantized:
        z = self.project_in(vectors)  # (N, D) -> (N, log2 K)
        digits = (z > 0).long()
        e = self.values(digits)
        commitment_loss = F.mse_loss(z, e)
        of_each, of_mean = entropies(z, self.temperature, together=self.training)
        entropy_loss = of_each - self.diversity * of_mean
        loss = self.beta * commitment_loss + self.entropy_weight * entropy_loss
        z_q = self.project_out(z + (e - z).detach())
        return Quantized(z_q, self.indices_of(digits), loss, entropy_loss, commitment_loss)

    def values(self, digits: Tensor) -> Tensor:
        return 2.0 * digits - 1


def entropies(z: Tensor, temperature: float, *, together: bool = False) -> tuple[Tensor, Tensor]:
    r"""The mean entropy of the codes' probabilities, and the entropy of their mean.

    :math:`p(c \mid z)` is a product over the bits, with
    :math:`p(c_i = 1 \mid z) = \sigma(4 z_i/\tau)`. So its entropy is a sum over the bits. The mean
    over vectors is no such product. But split c into two halves (a, b): then
    :math:`\sum_n p(a \mid z_n)\,p(b \mid z_n)` is one product of two matrices with N rows and about
    √K columns, and exact. The N×K matrix is never formed.

    Args:
        z: (N, log₂ K).
        temperature: τ.
        together: take the mean over the vectors of all processes.

    Returns:
        Two scalars in nats, from 0 to log K.
    """
    distance = 4 * z.abs() / temperature
    of_each = F.softplus(-distance) + distance * torch.sigmoid(-distance)
    a, b = (_joint(half, temperature) for half in z.tensor_split(2, dim=1))
    mean = a.T @ b / len(z)  # (√K, √K): every code once
    if together:  # value of all processes; their gradients are averaged after backward
        mean = mean + (processes.summed(mean.detach()) / processes.count() - mean).detach()
    # With the clamp a probability that underflowed to 0 has a finite gradient.
    return of_each.sum(1).mean(), -(mean * mean.clamp(min=1e-20).log()).sum()


def _joint(z: Tensor, temperature: float) -> Tensor:
    """(N, n) numbers -> (N, 2ⁿ) probabilities of their sign patterns."""
    n = z.shape[1]
    patterns = torch.arange(2**n, device=z.device)[:, None] >> torch.arange(n, device=z.device)
    signs = 2 * (patterns & 1).to(z.dtype) - 1  # (2ⁿ, n)
    return (2 / temperature * z @ signs.T).softmax(1)


def _levels(num_codes: int, levels: list[int] | None) -> tuple[int, ...]:
    """The levels to use: those given, when they fit, or those that belong to K."""
    if levels is None:
        found = _factors(num_codes) if num_codes > 0 else None
        if found:
            return found
        below = next((n for n in range(num_codes - 1, 2, -1) if _factors(n)), None)
        above = next(n for n in itertools.count(max(num_codes + 1, 3)) if _factors(n))
        near = f"{below} or {above}" if below else above
        raise InputError(
            f"FSQ needs num_codes to be a product of levels from 3 to 8; got {num_codes}: "
            f"try {near}, or give levels=[...]"
        )
    if not levels or any(not 3 <= level <= 256 for level in levels):
        raise InputError(f"levels must be integers from 3 to 256, at least one; got {levels}")
    if math.prod(levels) != num_codes:
        raise InputError(
            f"levels={levels} make {math.prod(levels)} codes; "
            f"got num_codes={num_codes}, which must be the same"
        )
    return tuple(levels)


@cache
def _factors(n: int, largest: int = 8) -> tuple[int, ...] | None:
    """The fewest factors from 3 to ``largest`` with the product n, largest first; of several such
    lists that with the smallest sum, which is the most even. None: there are no such factors."""
    if n == 1:
        return ()
    found = []
    for level in range(min(n, largest), 2, -1):
        rest = _factors(n // level, level) if n % level == 0 else None
        if rest is not None:
            found.append((level, *rest))
    return min(found, key=lambda levels: (len(levels), sum(levels)), default=None)
