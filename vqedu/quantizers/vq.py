"""The two quantisers of the VQ-VAE paper, side by side."""

import torch
from torch import Tensor, nn

from .. import processes
from .kmeans import count_and_sum
from .nearest import CodebookQuantizer

EPS = 1e-5  # keeps empty cells from dividing by zero; the value in the authors' code
MIN_COUNT = 1e-3  # a code with less mass than this keeps its place, unless it was chosen now


class VectorQuantizer(CodebookQuantizer):
    r"""The codebook is a parameter and learns by gradient.

    .. math:: L = \|\mathrm{sg}[z_e] - e\|^2 + \beta\,\|z_e - \mathrm{sg}[e]\|^2

    The first term moves only the codebook, the second only the encoder. For the arguments see
    :class:`~vqedu.quantizers.Quantizer` (``decay`` has no part in this method).

    Source: van den Oord et al. 2017, Eq. 3. Derived in ``chapters/05_vqvae``.
    """

    def __init__(self, num_codes: int, code_dim: int, **options):
        super().__init__(num_codes, code_dim, **options)
        self.codebook = nn.Parameter(self.first_codebook())  # (K, D)


class EMAVectorQuantizer(CodebookQuantizer):
    r"""The codebook follows moving averages of the vectors that chose it: online k-means.

    .. math::
        N \leftarrow \gamma N + (1-\gamma)\,n, \qquad
        m \leftarrow \gamma m + (1-\gamma) \sum_{i \in \text{cell}} z_i, \qquad
        e = m / \hat N

    N and m start at zero and are divided by :math:`1-\gamma^t`, as in Adam;
    :math:`\hat N = (N+\varepsilon)/(\sum N + K\varepsilon)\sum N`. For the arguments see
    :class:`~vqedu.quantizers.Quantizer`.

    A code whose N has faded keeps its place: there ε would outweigh N and pull it to the origin.

    Source: van den Oord et al. 2017, Appendix A.1, for e = m/N; the debiasing and N̂ are those of
    the authors' code (Sonnet). Derived in ``chapters/05_vqvae``.
    """

    def __init__(self, num_codes: int, code_dim: int, **options):
        super().__init__(num_codes, code_dim, **options)
        self.register_buffer("codebook", self.first_codebook())  # (K, D)
        self.register_buffer("ema_count", torch.zeros(num_codes))
        self.register_buffer("ema_sum", torch.zeros(num_codes, code_dim))

    def combine(self, codebook_loss: Tensor, commitment_loss: Tensor) -> Tensor:
        return self.beta * commitment_loss

    def update(self, vectors: Tensor, indices: Tensor) -> None:
        count, total = map(processes.summed, count_and_sum(vectors, indices, self.num_codes))
        self.ema_count.lerp_(count, 1 - self.decay)
        self.ema_sum.lerp_(total, 1 - self.decay)
        debias = self._debias()
        N, m = self.ema_count / debias, self.ema_sum / debias
        n = N.sum()
        N_hat = (N + EPS) / (n + self.num_codes * EPS) * n
        has_mass = ((N > MIN_COUNT) | (count > 0))[:, None]
        self.codebook.copy_(torch.where(has_mass, m / N_hat[:, None], self.codebook))

    def place(self, codes: Tensor, vectors: Tensor) -> None:
        super().place(codes, vectors)
        if self.steps > 0:  # with the weight of one vector, else the old average pulls it back
            self.ema_count[codes] = self._debias()
            self.ema_sum[codes] = self._debias() * vectors

    def _debias(self) -> Tensor:
        return 1 - self.decay ** self.steps.float()
