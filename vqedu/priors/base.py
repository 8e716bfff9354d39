"""What the priors share: the sizes they are built for, and the walk from token to token."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..inference import device_of, evaluating
from .sampling import draw


class Prior(nn.Module):
    """A model of grids of indices, with a class as condition.

    Args:
        num_codes: K.
        num_classes: number of classes y; 1 for a model without classes.
        grid: (h, w), the size of the grid.
        dropout: in [0, 1).
        sizes: further sizes of the network, by name; checked, and part of ``config``.

    Raises:
        InputError: a size below 1, or a dropout outside [0, 1).
    """

    def __init__(
        self,
        num_codes: int,
        num_classes: int,
        grid: tuple[int, int],
        *,
        dropout: float,
        **sizes: int,
    ):
        super().__init__()
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must lie in [0, 1); got {dropout}")
        if min(num_codes, num_classes, *sizes.values(), *grid) < 1:
            names = ", ".join(["num_codes", "num_classes", *sizes])
            got = ", ".join(map(str, [num_codes, num_classes, *sizes.values()]))
            raise InputError(
                f"{names} and both sides of grid must be >= 1; got {got}, {tuple(grid)}"
            )
        self.num_codes, self.num_classes, self.grid = num_codes, num_classes, tuple(grid)
        self.config = {"builder": type(self).__name__, "num_codes": num_codes}
        self.config |= {"num_classes": num_classes, "grid": list(grid), **sizes}
        self.config |= {"dropout": dropout}

    def _check(
        self, indices: Tensor, labels: Tensor, *, codes: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Both as int64; InputError for grids of another size, or with values other than integers
        in [0, codes)."""
        codes = codes or self.num_codes
        if indices.is_floating_point() or indices.dtype == torch.bool:
            raise InputError(f"indices must be integers; got {indices.dtype}")
        if indices.ndim != 3 or tuple(indices.shape[1:]) != self.grid:
            raise InputError(
                f"this prior models grids of {self.grid[0]}×{self.grid[1]} tokens; "
                f"got indices of shape {tuple(indices.shape)}"
            )
        if indices.numel() and (indices.min() < 0 or indices.max() >= codes):
            raise InputError(f"indices must lie in [0, {codes})")
        if labels.shape != indices.shape[:1]:
            raise InputError(
                f"one label per grid: expected shape ({len(indices)},); got {tuple(labels.shape)}"
            )
        return indices.long(), self._checked(labels)

    def _labels(self, labels: Tensor | Sequence[int]) -> Tensor:
        """Labels as int64 on the model's device."""
        try:
            labels = torch.as_tensor(labels, device=device_of(self))
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"labels must be integers; got {labels!r}") from error
        return self._checked(labels)

    def _checked(self, labels: Tensor) -> Tensor:
        if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
            raise InputError(
                "one label per grid: expected integers of shape (B,); "
                f"got {labels.dtype} of shape {tuple(labels.shape)}"
            )
        if len(labels) and (labels.min() < 0 or labels.max() >= self.num_classes):
            raise InputError(f"labels must lie in [0, {self.num_classes})")
        return labels.long()


class AutoregressivePrior(Prior):
    r"""A prior that reads the grid row by row, :math:`p(k) = \prod_i p(k_i \mid k_{<i}, y)`.

    A subclass has ``forward(indices, labels)``, the logits of all positions at once, and
    ``_reader``, the same one position after the other.
    """

    def walk(
        self,
        labels: Tensor | Sequence[int],
        choose: Callable[[tuple[int, int], Tensor], Tensor],
        *,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Go through the grid in reading order; at each position ``choose`` decides the tokens.

        Sampling is a walk whose ``choose`` draws. A codec walks twice: the encoder's ``choose``
        returns the tokens it is given and notes the logits, the decoder's reads the tokens from
        the file by the same logits::

            prior.walk(labels, lambda at, logits: draw(logits))  # sampling
            prior.walk(labels, lambda at, logits: encode(indices[:, *at], logits))  # returns them
            prior.walk(labels, lambda at, logits: decode(logits))  # the same indices again

        With the same labels in the same order, both walks compute the same operations on the
        same shapes: on one machine, with one number of threads, their logits are equal bit for
        bit. Those of ``forward``, which takes all positions at once, are equal up to rounding.

        Args:
            labels: (B,) integers in [0, num_classes), as a tensor or a list; moved to the model's
                device.
            choose: called as ``choose((i, j), logits)`` with logits (B, K) given the labels and
                the tokens chosen so far; returns the tokens (B,), int64 in [0, K), at (i, j).
            size: (H, W) of the grid; None for the size that the prior models.

        Returns:
            (B, H, W) int64: the chosen tokens, on the model's device.

        Raises:
            InputError: a label out of range, a size that the prior cannot do, or tokens that are
                not of shape (B,).
        """
        labels = self._labels(labels)
        size = self.grid if size is None else tuple(size)
        self._check_size(size)
        grid = torch.zeros(len(labels), *size, dtype=torch.int64, device=labels.device)
        with evaluating(self):
            read = self._reader(grid, labels)
            for i, j in itertools.product(*map(range, size)):
                tokens = choose((i, j), read(i, j))
                if tokens.shape != labels.shape:
                    raise InputError(
                        f"choose must return tokens of shape ({len(labels)},); "
                        f"got {tuple(tokens.shape)}"
                    )
                grid[:, i, j] = tokens
        return grid

    def sample(
        self,
        labels: Tensor | Sequence[int],
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Draw a grid for each label, one token after the other.

        Args:
            labels: (B,) integers in [0, num_classes), as a tensor or a list; moved to the model's
                device.
            temperature: see :func:`~vqedu.priors.draw`.
            top_k: keep the k most likely codes.
            top_p: keep the most likely codes that have this probability together.
            generator: of random numbers, on any device; see :func:`~vqedu.priors.draw`.
            size: see :meth:`walk`.

        Returns:
            (B, H, W) int64 in [0, K), on the model's device.

        Raises:
            InputError: as ``walk`` and ``draw`` do.
        """
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        options["generator"] = generator
        return self.walk(labels, lambda at, logits: draw(logits, **options), size=size)

    def _check_size(self, size: tuple[int, ...]) -> None:
        if size != self.grid:
            raise InputError(
                f"{type(self).__name__} draws grids of {self.grid[0]}×{self.grid[1]} tokens only; "
                f"got size={size}"
            )

    def _reader(self, grid: Tensor, labels: Tensor) -> Callable[[int, int], Tensor]:
        """A function of (i, j), called in reading order, that returns the logits (B, K) there
        from the tokens that ``grid`` holds before (i, j)."""
        raise NotImplementedError
