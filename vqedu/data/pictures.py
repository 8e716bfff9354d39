"""From picture files to bytes of one size. What the loaders of photographs share."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn.functional import interpolate

from ..errors import DataError


def read_picture(path: str | Path) -> torch.Tensor:
    """Read a picture file of any common kind as RGB.

    The camera's rotation mark is obeyed, what is transparent becomes white, 16-bit grey is
    scaled to 8 bits, and of an animation the first frame is taken.

    Returns:
        uint8 (3, H, W).

    Raises:
        DataError: names the file that cannot be read.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return to_rgb(image)
    # Pillow's readers raise SyntaxError, ValueError and others, as well as OSError, on damage.
    except Exception as error:
        raise DataError(
            f"{path}: cannot be read as a picture ({error}); replace the file or remove it"
        ) from error


def to_rgb(image: Image.Image) -> torch.Tensor:
    """Convert an image of any of Pillow's modes: uint8 (3, H, W). See ``read_picture``."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise DataError("its pixels are floating-point numbers of unknown range; save it in 8 bits")
    if image.mode.startswith("I"):  # Pillow's own conversion would cut at 255, not scale
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 256).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def fit(images: torch.Tensor, size: int) -> torch.Tensor:
    """Cut the largest square out of the middle and resize it, antialiased.

    Args:
        images: uint8 (..., C, H, W).
        size: side of the result in pixels.

    Returns:
        uint8 (..., C, size, size).
    """
    height, width = images.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[..., top : top + side, left : left + side]
    if side == size:
        return square.contiguous()
    batch = square.reshape(-1, *square.shape[-3:])
    resized = torch.cat([_resize(part, size) for part in batch.split(500)])
    return resized.reshape(*images.shape[:-2], size, size)


def _resize(batch: torch.Tensor, size: int) -> torch.Tensor:
    # In floats, because torch's resizing of bytes fails on some shapes, (2, 3, 2, 2) to 1 for one.
    resized = interpolate(batch.float(), size=(size, size), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)


def pick(available: int, limit: int | None, seed: int, what: str) -> np.ndarray:
    """Choose ``limit`` of ``available`` items at random, in ascending order; None means all.

    Raises:
        DataError: when there are fewer than ``limit``.
    """
    if limit is None:
        return np.arange(available)
    if limit > available:
        raise DataError(f"limit={limit:,}, but {what} holds {available:,} images; ask for fewer")
    # RandomState, because NumPy promises the same draws from it in every future version.
    return np.sort(np.random.RandomState(seed).permutation(available)[:limit])
