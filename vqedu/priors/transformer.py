"""A GPT-style transformer: the prior of the VQGAN paper."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import InputError
from .base import AutoregressivePrior
from .blocks import Network


class Transformer(AutoregressivePrior):
    r"""A transformer decoder that reads the grid of indices as one long row.

    The row begins with a start token, an index of its own: K + y for class y. Were it a code as
    well (0, say), one symbol would have two meanings, and there would be no room for the class.

    Args:
        num_codes: K.
        num_classes: number of classes y; 1 for a model without classes.
        grid: (h, w), the size of the grid.
        width: channels; divisible by heads.
        layers: number of blocks.
        heads: attention heads.
        dropout: of the embedding and of what each half of a block adds.

    Raises:
        InputError: a size below 1, a dropout outside [0, 1), or a width that is not divisible by
            heads.

    Source: Esser et al. 2021 (VQGAN), §3.2, with the network of GPT-2 (Radford et al. 2019).
    Explained in ``chapters/06_vqgan``.
    """

    def __init__(
        self,
        num_codes: int,
        num_classes: int,
        grid: tuple[int, int],
        *,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.1,
    ):
        sizes = {"width": width, "layers": layers, "heads": heads, "dropout": dropout}
        super().__init__(num_codes, num_classes, grid, **sizes)
        length = grid[0] * grid[1]  # the start token, and all tokens but the last
        self.net = Network(num_codes + num_classes, num_codes, length, causal=True, **sizes)

    def forward(self, indices: Tensor, labels: Tensor) -> Tensor:
        """(B, h, w) indices and (B,) labels -> logits (B, K, h, w). The logits at a position
        depend on the positions before it in reading order, not on itself or later ones."""
        indices, labels = self._check(indices, labels)
        row = torch.cat([self._start(labels), indices.flatten(1)[:, :-1]], dim=1)  # (B, h·w)
        logits = self.net.head(self.net(row))
        return logits.transpose(1, 2).unflatten(2, self.grid)  # (B, h·w, K) -> (B, K, h, w)

    def _start(self, labels: Tensor) -> Tensor:
        return (self.num_codes + labels)[:, None]

    def _check_size(self, size: tuple[int, ...]) -> None:
        if len(size) != 2 or size[0] < self.grid[0] or size[1] < self.grid[1]:
            raise InputError(
                f"size must be (H, W), at least {self.grid[0]}×{self.grid[1]}, "
                f"the window of this prior; got {size}"
            )

    def _reader(self, grid: Tensor, labels: Tensor) -> Callable[[int, int], Tensor]:
        """A larger grid is read through a window of the size that the prior models: as far as the
        borders allow, the position stands in its middle (Esser et al. 2021, §3.2, Fig. 3).

        While the window stands still, a step reads one token and takes the rest from the caches.
        When it moves, all positions in it change, and it is read from its first token."""
        (h, w), (height, width) = self.grid, grid.shape[1:]
        start, caches, last = self._start(labels), self.net.new_caches(len(labels)), None

        def read(i: int, j: int) -> Tensor:
            nonlocal last
            top = min(max(i - h // 2, 0), height - h)
            left = min(max(j - w // 2, 0), width - w)
            seen = grid[:, top : top + h, left : left + w].flatten(1)  # (B, h·w)
            n = (i - top) * w + (j - left)  # tokens in the window before (i, j)
            if (top, left) == last:
                row = seen[:, n - 1 : n]
            else:
                row, last = torch.cat([start, seen[:, :n]], dim=1), (top, left)
                for cache in caches:
                    cache.length = 0
            return self.net.head(self.net(row, caches)[:, -1])

        return read
