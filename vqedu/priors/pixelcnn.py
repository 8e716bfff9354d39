"""Gated PixelCNN: the prior of the VQ-VAE paper."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import AutoregressivePrior


def gate(x: Tensor) -> Tensor:
    """tanh of one half of the channels times sigmoid of the other: (B, 2C, …) -> (B, C, …).

    Source: van den Oord et al. 2016 (conditional PixelCNN), Eq. 2."""
    a, b = x.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


class GatedLayer(nn.Module):
    """One layer of both stacks, causal by its padding.

    The inputs were shifted at the network's entrance, so that the vertical stack's row i knows
    the rows above i, and the horizontal stack's column j the columns left of j. Kernels that
    reach only up (and left) keep it so; no weight has to be masked.
    """

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.vertical = nn.Conv2d(width, 2 * width, (2, 3))
        self.horizontal = nn.Conv2d(width, 2 * width, (1, 2))
        self.to_horizontal = nn.Conv2d(2 * width, 2 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, v: Tensor, h: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """v, h: (B, C, H, W); condition: (B, 2C, 1, 1) added before both gates."""
        v_pre = self.vertical(F.pad(v, (1, 1, 1, 0)))  # sees row i - 1 and i, columns j ± 1
        h_pre = self.horizontal(F.pad(h, (1, 0))) + self.to_horizontal(v_pre)
        h_new = self.dropout(gate(h_pre + condition))
        return v + gate(v_pre + condition), h + self.out(h_new)


class GatedPixelCNN(AutoregressivePrior):
    r"""An autoregressive model of a grid of indices, row by row:
    :math:`p(k) = \prod_i p(k_i \mid k_{<i}, y)`, with the class y as condition.

    Args:
        num_codes: K.
        num_classes: number of classes y; 1 for a model without classes.
        grid: (h, w), the size of the grid; positions have learned embeddings, because items are
            centred in their images.
        width: channels.
        layers: number of gated layers.
        dropout: in the horizontal stack.

    Raises:
        InputError: a size below 1, or a dropout outside [0, 1).

    Source: van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders".
    The prior of van den Oord et al. 2017, §3.3 and §4.2. Explained in ``chapters/05_vqvae``.
    """

    def __init__(
        self,
        num_codes: int,
        num_classes: int,
        grid: tuple[int, int],
        *,
        width: int = 64,
        layers: int = 6,
        dropout: float = 0.1,
    ):
        sizes = {"width": width, "layers": layers, "dropout": dropout}
        super().__init__(num_codes, num_classes, grid, **sizes)
        self.embed = nn.Embedding(num_codes, width)
        self.position = nn.Parameter(0.02 * torch.randn(width, *grid))
        self.conditions = nn.ModuleList(nn.Embedding(num_classes, 2 * width) for _ in range(layers))
        self.layers = nn.ModuleList(GatedLayer(width, dropout) for _ in range(layers))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(width, num_codes, 1))

    def forward(self, indices: Tensor, labels: Tensor) -> Tensor:
        """(B, h, w) indices and (B,) labels -> logits (B, K, h, w). The logits at a position
        depend on the positions before it in reading order, not on itself or later ones."""
        return self._logits(*self._check(indices, labels))

    def _logits(self, indices: Tensor, labels: Tensor) -> Tensor:
        """``forward`` for the first rows only: (B, r, w) -> (B, K, r, w), r from 1 to h."""
        x = self.embed(indices).permute(0, 3, 1, 2)  # (B, r, w, C) -> (B, C, r, w)
        position = self.position[:, : x.shape[2]]
        v = F.pad(x, (0, 0, 1, 0))[:, :, :-1] + position  # row i now holds row i - 1
        h = F.pad(x, (1, 0))[:, :, :, :-1] + position  # column j now holds column j - 1
        for layer, condition in zip(self.layers, self.conditions, strict=True):
            v, h = layer(v, h, condition(labels)[:, :, None, None])
        return self.head(h)

    def _reader(self, grid: Tensor, labels: Tensor) -> Callable[[int, int], Tensor]:
        return lambda i, j: self._logits(grid[:, : i + 1], labels)[:, :, i, j]  # none below
