"""A bidirectional transformer that fills in masked tokens: the prior of MaskGIT."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from ..inference import evaluating
from .base import Prior
from .blocks import Network
from .sampling import draw, noise_device


def schedule(tokens: int, steps: int) -> list[int]:
    """How many of the tokens are still masked after each step of sampling: ⌈γ(t/T)·N⌉ with
    γ(r) = cos(πr/2), but one fewer at least than before, and none at the end.

    Raises:
        InputError: steps outside [1, tokens].

    Source: Chang et al. 2022, §3.2 and §3.3.
    """
    if not 1 <= steps <= tokens:
        raise InputError(f"steps must lie in [1, {tokens}], the number of tokens; got {steps}")
    masked = [tokens]
    for t in range(1, steps):
        masked.append(min(masked[-1] - 1, math.ceil(math.cos(math.pi / 2 * t / steps) * tokens)))
    return masked[1:] + [0]


class MaskedTransformer(Prior):
    """A transformer that sees the whole grid, in which some tokens are masked, and predicts those.

    A masked token is the index K; the class is an additional token before the first, K + 1 + y.
    Trained with ``MaskedPriorObjective``. It has no order of reading: its sampler has no likelihood
    of a grid, and a codec would have to fix an order first. Samples take a few steps instead of
    h·w.

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

    Source: Chang et al. 2022 (MaskGIT), §3, with the same network as
    :class:`~vqedu.priors.Transformer`. Explained in ``chapters/09_outlook``.
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
        symbols, length = num_codes + 1 + num_classes, 1 + grid[0] * grid[1]
        self.net = Network(symbols, num_codes, length, causal=False, **sizes)

    @property
    def mask(self) -> int:
        """The index that stands for a masked token."""
        return self.num_codes

    def forward(self, indices: Tensor, labels: Tensor) -> Tensor:
        """(B, h, w) indices in [0, K], K where masked, and (B,) labels -> logits (B, K, h, w)."""
        indices, labels = self._check(indices, labels, codes=self.num_codes + 1)
        logits = self.net.head(self._features(indices.flatten(1), labels))
        return logits.transpose(1, 2).unflatten(2, self.grid)  # (B, h·w, K) -> (B, K, h, w)

    def _features(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """(B, h·w) -> (B, h·w, C), what the head makes logits of."""
        condition = (self.mask + 1 + labels)[:, None]
        return self.net(torch.cat([condition, tokens], dim=1))[:, 1:]

    def hide(self, indices: Tensor) -> Tensor:
        """Mask tokens for training: in each grid the share γ(r), r uniform in [0, 1), at random
        places, and at least one.

        Args:
            indices: (B, h, w) int64 in [0, K).

        Returns:
            (B, h, w) int64 in [0, K].

        Source: Chang et al. 2022, §3.1 and §3.3.
        """
        tokens = indices[0].numel()
        r = torch.rand(len(indices), 1, device=indices.device)
        count = (torch.cos(math.pi / 2 * r) * tokens).ceil()  # (B, 1), above 0 as r is below 1
        order = torch.rand(len(indices), tokens, device=indices.device).argsort(1)
        return indices.masked_fill((order < count).view_as(indices), self.mask)

    def sample(
        self,
        labels: Tensor | Sequence[int],
        *,
        steps: int = 8,
        temperature: float = 1.0,
        choice_temperature: float = 4.5,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw a grid for each label: in each step all masked tokens at once, of which the ones
        that the model is most confident of stay.

        Args:
            labels: (B,) integers in [0, num_classes), as a tensor or a list; moved to the model's
                device.
            steps: number of steps, in [1, h·w].
            temperature: of the tokens; see :func:`~vqedu.priors.draw`.
            choice_temperature: Gumbel noise on the confidence, so that not the same places come
                first each time; falls linearly to 0 at the last step. At least 0.
            generator: of random numbers, on any device: they are drawn there and moved. None
                takes torch's own on the model's device.

        Returns:
            (B, h, w) int64 in [0, K), on the model's device.

        Raises:
            InputError: a label, a number of steps or a temperature out of range.

        Source: Chang et al. 2022, §3.2; the noise is that of the authors' code.
        """
        if not 0 <= choice_temperature < math.inf:
            raise InputError(f"choice_temperature must be >= 0; got {choice_temperature}")
        labels = self._labels(labels)
        b, masked = len(labels), math.prod(self.grid)
        grid = torch.full((b, masked), self.mask, device=labels.device)
        with evaluating(self):
            for step, left in enumerate(schedule(masked, steps), 1):
                hidden = (grid == self.mask).nonzero()[:, 1].view(b, masked)  # places
                features = self._features(grid, labels)
                features = features.gather(1, hidden[:, :, None].expand(-1, -1, features.shape[2]))
                logits = self.net.head(features).flatten(0, 1)  # (B·masked, K)
                drawn = draw(logits, temperature=temperature, generator=generator)
                confidence = logits.log_softmax(1).gather(1, drawn[:, None])
                noise = torch.empty_like(confidence, device=noise_device(confidence, generator))
                gumbel = -noise.exponential_(generator=generator).log().to(confidence.device)
                confidence += choice_temperature * (1 - step / steps) * gumbel
                best = confidence.view(b, masked).topk(masked - left).indices
                grid.scatter_(1, hidden.gather(1, best), drawn.view(b, masked).gather(1, best))
                masked = left
        return grid.view(-1, *self.grid)
