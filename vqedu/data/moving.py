"""``"moving"``: clips of an item of Fashion-MNIST that moves over a dark piece of a photograph.

Everything is cut from images that ship with the course, and drawn while it is loaded. A clip's item
and background come from the same split as the clip, so that test clips show nothing of training.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from .fashion import load_shipped
from .imageset import ImageSet
from .photos import load_photos
from .pictures import fit

DEFAULT_LIMIT = {"train": 4000, "test": 500}
DEFAULT_SIZE = 24  # pixels, of a frame
FRAMES = 8
FASTEST = 2  # pixels a frame, along each axis
DARK = 80  # the background's brightest pixel, of 255
DIMMEST = 100  # mean of an item's own pixels


@dataclass(frozen=True, eq=False, repr=False)
class ClipSet(ImageSet):
    """Labelled clips of one length and size: an ``ImageSet`` with an axis for time.

    It yields pairs ``(x, label)`` with x float32 (C, T, H, W) in [-1, 1]; what takes images (C, H,
    W) refuses them. Introduced in ``chapters/08_applications``.

    Args:
        images: uint8 (N, C, T, H, W), frame 0 first.
        labels, classes, name, split: as for :class:`~vqedu.data.ImageSet`.

    Raises:
        DataError: when the fields do not fit together.
    """

    def __post_init__(self):
        if self.images.ndim != 5 or 0 in self.images.shape:
            raise DataError(
                f"{self.name}: clips must be of shape (N, C, T, H, W), not empty; "
                f"got {tuple(self.images.shape)}"
            )
        # Each frame is an image: the first ones are checked as such, with the labels.
        ImageSet(self.images[:, :, 0], self.labels, self.classes, self.name, self.split)

    def __repr__(self) -> str:
        n, channels, frames, height, width = self.images.shape
        colour = "grey" if channels == 1 else "RGB"
        return (
            f"ClipSet({self.name!r}, {self.split!r}: {n:,} {colour} clips of {frames} frames of "
            f"{height}×{width}, {len(self.classes)} classes)"
        )


def load_moving(split, size, root, limit, seed) -> ClipSet:
    """``limit`` clips (4,000 or 500) of frames of ``size`` pixels (24); the items are half as wide.
    Each keeps its speed, up to 2 pixels a frame along each axis, and bounces off the edges."""
    if root is not None:
        raise DataError("'moving' is made from what ships with the course: leave root out")
    size = DEFAULT_SIZE if size is None else size
    limit = DEFAULT_LIMIT[split] if limit is None else limit
    fashion = load_shipped(split, None, None, None, seed)
    if size < 8:
        raise DataError(f"size={size}, but frames of 'moving' are at least 8 pixels wide")
    # RandomState, because NumPy promises the same draws from it in every future version.
    random = np.random.RandomState(seed)
    bright = _bright(fashion.images)
    chosen = bright[torch.from_numpy(random.randint(len(bright), size=limit))]
    items = fit(fashion.images[chosen], size // 2)  # (N, 1, size/2, size/2)
    photos = load_photos(split, size, None, limit, seed).images
    places = torch.from_numpy(_paths(limit, size - items.shape[-1], random))
    clips = _draw(items, _dark(photos), places)
    return ClipSet(clips, fashion.labels[chosen], fashion.classes, "moving", split)


def _bright(images: Tensor) -> Tensor:
    """Positions of the items that stand out from a dark background."""
    pixels = images.flatten(1)
    return (pixels.sum(1) >= DIMMEST * (pixels > 0).sum(1)).nonzero()[:, 0]


def _dark(photos: Tensor) -> Tensor:
    """Patches (N, 3, H, W) in grey, from 0 to DARK each: (N, 1, H, W)."""
    grey = photos.int().sum(1, keepdim=True)
    low, high = grey.amin((2, 3), keepdim=True), grey.amax((2, 3), keepdim=True)
    return (DARK * (grey - low) // (high - low).clamp(min=1)).to(torch.uint8)


def _paths(count: int, room: int, random) -> np.ndarray:
    """Row and column of each item's upper left corner, in 0..room: (count, FRAMES, 2)."""
    start = random.randint(2 * room, size=(count, 1, 2))
    speed = random.randint(1, FASTEST + 1, size=(count, 1, 2))
    still = random.randint(3, size=(count, 1))  # 0, 1: only along the other axis
    speed[still == 0, 0], speed[still == 1, 1] = 0, 0
    way = (start + speed * np.arange(FRAMES)[:, None]) % (2 * room)
    return np.minimum(way, 2 * room - way)  # there and back again


def _draw(items: Tensor, ground: Tensor, places: Tensor) -> Tensor:
    """Put items (N, 1, s, s) on backgrounds (N, 1, H, W) at places (N, T, 2): (N, 1, T, H, W).

    A pixel shows the brighter of the two, so that an item's black surroundings do not cover."""
    side = items.shape[-1]
    clips = ground[:, :, None].repeat(1, 1, places.shape[1], 1, 1)
    for clip, item, path in zip(clips, items, places.tolist(), strict=True):
        for frame, (top, left) in zip(clip[0], path, strict=True):
            window = frame[top : top + side, left : left + side]
            torch.maximum(window, item[0], out=window)
    return clips
