"""What every loader returns: images and labels in memory, with one documented value range.

Images are kept as bytes, 0 to 255, because they are four times smaller that way. What a model
sees is float32 in [-1, 1]: that is the only range of the course, before and after the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch.utils.data import Dataset

from ..errors import DataError


def from_uint8(images: torch.Tensor) -> torch.Tensor:
    """Turn bytes 0..255 into float32 in [-1, 1], of the same shape.

    Args:
        images: uint8 tensor of any shape.

    Raises:
        DataError: when the tensor does not hold bytes.
    """
    if images.dtype != torch.uint8:
        raise DataError(f"from_uint8 takes a uint8 tensor with values 0..255, not {images.dtype}")
    return images.to(torch.float32) / 127.5 - 1


def to_unit(x: torch.Tensor) -> torch.Tensor:
    """Map [-1, 1] to [0, 1], the range of plots and metrics; what lies outside is clamped.

    Args:
        x: float tensor of any shape.
    """
    return ((x + 1) / 2).clamp(0, 1)


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet(Dataset):
    """Labelled images of one size, held in memory.

    Introduced in ``chapters/00_start_here``. As a ``torch.utils.data.Dataset`` it yields pairs
    ``(x, label)`` with x float32 (C, H, W) in [-1, 1] and label an int, ready for a DataLoader.

    Args:
        images: uint8 (N, C, H, W), C is 1 (grey) or 3 (RGB), N at least 1.
        labels: int64 (N,), each from 0 to ``len(classes) - 1``.
        classes: the names of the classes.
        name: the data set's name, as given to ``load``.
        split: ``"train"`` or ``"test"``.

    Raises:
        DataError: when the fields do not fit together.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    name: str
    split: str

    def __post_init__(self):
        images, labels = self.images, self.labels
        shape = tuple(images.shape)
        if images.dtype != torch.uint8 or images.ndim != 4 or 0 in shape or shape[1] not in (1, 3):
            raise DataError(
                f"{self.name}: images must be uint8 of shape (N, 1 or 3, H, W) with N at least 1, "
                f"not {images.dtype} of shape {shape}"
            )
        if labels.dtype != torch.int64 or tuple(labels.shape) != shape[:1]:
            raise DataError(
                f"{self.name}: labels must be int64 of shape ({shape[0]},), one for each image, "
                f"not {labels.dtype} of shape {tuple(labels.shape)}"
            )
        low, high = labels.min().item(), labels.max().item()
        if low < 0 or high >= len(self.classes):
            raise DataError(
                f"{self.name}: labels run from {low} to {high}, "
                f"but {len(self.classes)} classes allow 0 to {len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return from_uint8(self.images[index]), int(self.labels[index])

    def __getitems__(self, indices: list[int]) -> list[tuple[torch.Tensor, int]]:
        # The DataLoader calls this once for a batch: one conversion instead of one per image.
        return list(
            zip(from_uint8(self.images[indices]), self.labels[indices].tolist(), strict=True)
        )

    def __repr__(self) -> str:
        n, channels, height, width = self.images.shape
        colour = "grey" if channels == 1 else "RGB"
        return (
            f"ImageSet({self.name!r}, {self.split!r}: {n:,} {colour} images of "
            f"{height}×{width}, {len(self.classes)} classes)"
        )

    def tensor(self) -> torch.Tensor:
        """All images at once: float32 (N, C, H, W) in [-1, 1]."""
        return from_uint8(self.images)

    def subset(self, which: int | Sequence[int] | torch.Tensor) -> "ImageSet":
        """A smaller set with the same classes.

        Args:
            which: how many images to take from the start, or the positions to take.

        Raises:
            DataError: when there are fewer images, or a position lies outside.
        """
        if isinstance(which, int):
            if not 1 <= which <= len(self):
                raise DataError(f"{self.name}: subset of 1 to {len(self):,} images, not {which:,}")
            which = range(which)
        positions = torch.as_tensor(which)
        if positions.dtype != torch.int64 or positions.ndim != 1 or len(positions) == 0:
            raise DataError(f"{self.name}: positions must be a list of at least one whole number")
        if positions.min() < 0 or positions.max() >= len(self):
            raise DataError(
                f"{self.name}: positions run from 0 to {len(self) - 1}, "
                f"not from {positions.min()} to {positions.max()}"
            )
        return replace(self, images=self.images[positions], labels=self.labels[positions])

    @cached_property
    def variance(self) -> float:
        """Variance of all pixel values of the set, in the range [-1, 1].

        The VQ-VAE paper's code divides the reconstruction error by it, so that an error of 1
        means "no better than a constant image" (van den Oord et al. 2017; sonnet's example).
        Zero for images that are all of one value.
        """
        counts = np.zeros(256)
        for part in self.images.split(1000):  # a histogram is exact and needs little memory
            counts += np.bincount(part.numpy().ravel(), minlength=256)
        values = np.arange(256) / 127.5 - 1
        mean = np.average(values, weights=counts)
        return float(np.average((values - mean) ** 2, weights=counts))
