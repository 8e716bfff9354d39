"""``"photos"``: RGB patches of the photographs that scikit-image's wheel contains.

Training and test patches come from different photographs, so that a test measures what a model
does with pictures it has never seen. The photographs are in the public domain or CC0:
astronaut (NASA), coffee (Rachel Michetti), Hubble eXtreme Deep Field (NASA), Chelsea the cat
(Stéfan van der Walt), rocket (SpaceX). Nothing is downloaded.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from ..errors import DataError
from .imageset import ImageSet
from .pictures import read_picture

PHOTOGRAPHS = {
    "train": ("astronaut.png", "coffee.png", "hubble_deep_field.jpg"),
    "test": ("chelsea.png", "rocket.jpg"),
}
DEFAULT_LIMIT = {"train": 10_000, "test": 2_000}
MAX_SIZE = 128  # the smallest photograph is 300 pixels high: larger patches would be nearly alike


def load_photos(split, size, root, limit, seed) -> ImageSet:
    """Cut ``limit`` patches of ``size`` pixels (default 32) at random places, no place twice.

    Each photograph gives the same number. Of twice as many places drawn, the half with more
    contrast is kept: otherwise every fourth test patch would show an even sky.
    """
    if root is not None:
        raise DataError("'photos' come with scikit-image: leave root out (or load 'folder')")
    size = 32 if size is None else size
    if size > MAX_SIZE:
        raise DataError(f"size={size}, but patches of 'photos' are at most {MAX_SIZE} pixels wide")
    limit = DEFAULT_LIMIT[split] if limit is None else limit
    # RandomState, because NumPy promises the same draws from it in every future version.
    random = np.random.RandomState(seed)
    files = PHOTOGRAPHS[split]
    patches, labels = [], []
    for label, file in enumerate(files):
        count = limit // len(files) + (label < limit % len(files))
        patches.append(_patches(_photograph(file), size, count, random, file))
        labels += [label] * count
    order = torch.from_numpy(random.permutation(limit))
    classes = tuple(Path(file).stem for file in files)
    return ImageSet(
        torch.cat(patches)[order], torch.tensor(labels)[order], classes, "photos", split
    )


def _photograph(file: str) -> torch.Tensor:
    # The path is looked up without importing skimage.data, whose loaders may start a download.
    spec = find_spec("skimage")
    if spec is None:
        raise DataError("'photos' need scikit-image; install it with: pip install scikit-image")
    return read_picture(Path(spec.origin).parent / "data" / file)


def _patches(photo, size, count, random, file) -> torch.Tensor:
    """``count`` patches of one photograph: uint8 (count, 3, size, size)."""
    windows = photo.unfold(1, size, 1).unfold(2, size, 1)  # (3, rows, columns, size, size), a view
    rows, columns = windows.shape[1:3]
    if 2 * count > rows * columns:
        raise DataError(
            f"{file} has room for {rows * columns // 2:,} patches of {size}×{size}, not for "
            f"{count:,}; choose a smaller limit"
        )
    drawn = random.permutation(rows * columns)[: 2 * count]
    patches = windows[:, drawn // columns, drawn % columns].transpose(0, 1).contiguous()
    contrast = torch.cat([_contrast(part) for part in patches.split(200)])
    return patches[contrast.argsort(descending=True, stable=True)[:count]]


def _contrast(patches: torch.Tensor) -> torch.Tensor:
    """Variance within each colour channel, summed: an even patch has none, whatever its colour.

    Up to a factor, and in whole numbers, so that every machine finds the same order.
    """
    values = patches.flatten(2).int()  # (N, 3, size, size) -> (N, 3, size*size)
    variance = values.shape[2] * (values**2).sum(dim=2) - values.sum(dim=2) ** 2
    return variance.sum(dim=1)
