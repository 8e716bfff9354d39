"""``"photos"`` and ``"medical"``: RGB patches of pictures that scikit-image's wheel contains.

``"photos"``: training and test patches come from different photographs, so that a test measures
what a model does with pictures it has never seen. They are in the public domain or CC0:
astronaut (NASA), coffee (Rachel Michetti), Hubble eXtreme Deep Field (NASA), Chelsea the cat
(Stéfan van der Walt), rocket (SpaceX).

``"medical"``: there are only two, so training patches come from the left half of each picture and
test patches from the right half, which is a kinder test. The back of a healthy eye (retina, Mikael
Häggström, CC0), and glands of the colon, stained (ihc, Center for Microscopy and Molecular
Imaging, no known copyright restrictions).

Nothing is downloaded.
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
MEDICAL = ("retina.jpg", "ihc.png")
DEFAULT_LIMIT = {"train": 10_000, "test": 2_000}
MAX_SIZE = 128  # the smallest photograph is 300 pixels high: larger patches would be nearly alike


def load_photos(split, size, root, limit, seed) -> ImageSet:
    """Cut ``limit`` patches of ``size`` pixels (default 32) at random places, no place twice.

    Each photograph gives the same number. Of twice as many places drawn, the half with more
    contrast is kept: otherwise every fourth test patch would show an even sky.
    """
    whole = dict.fromkeys(PHOTOGRAPHS[split], photograph)
    return _load("photos", split, whole, size, root, limit, seed)


def load_medical(split, size, root, limit, seed) -> ImageSet:
    """The same from the left halves of the medical pictures, or for the test from the right."""
    halves = dict.fromkeys(MEDICAL, _left if split == "train" else _right)
    return _load("medical", split, halves, size, root, limit, seed)


def photograph(file: str) -> torch.Tensor:
    """A whole picture of scikit-image: uint8 (3, H, W), grey ones repeated.

    Args:
        file: its name, such as ``"chelsea.png"``. The pictures that the wheel does not contain are
            not looked for elsewhere.

    Raises:
        DataError: it is not there, or scikit-image is not.
    """
    # The path is looked up without importing skimage.data, whose loaders may start a download.
    spec = find_spec("skimage")
    if spec is None:
        raise DataError(f"{file} is scikit-image's; install it with: pip install scikit-image")
    return read_picture(Path(spec.origin).parent / "data" / file)


def _left(file):
    return photograph(file).tensor_split(2, dim=2)[0]


def _right(file):
    return photograph(file).tensor_split(2, dim=2)[1]


def _load(name, split, pictures, size, root, limit, seed) -> ImageSet:
    """``pictures``: the files, and what reads the part of each that patches are cut from."""
    if root is not None:
        raise DataError(f"'{name}' come with scikit-image: leave root out (or load 'folder')")
    size = 32 if size is None else size
    if size > MAX_SIZE:
        raise DataError(f"size={size}, but patches of '{name}' are at most {MAX_SIZE} pixels wide")
    limit = DEFAULT_LIMIT[split] if limit is None else limit
    # RandomState, because NumPy promises the same draws from it in every future version.
    random = np.random.RandomState(seed)
    patches, labels = [], []
    for label, (file, read) in enumerate(pictures.items()):
        count = limit // len(pictures) + (label < limit % len(pictures))
        patches.append(_patches(read(file), size, count, random, file))
        labels += [label] * count
    order = torch.from_numpy(random.permutation(limit))
    classes = tuple(Path(file).stem for file in pictures)
    return ImageSet(torch.cat(patches)[order], torch.tensor(labels)[order], classes, name, split)


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
