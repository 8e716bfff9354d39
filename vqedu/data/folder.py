"""``"folder"``: the reader's own pictures."""

import hashlib
import os
import unicodedata
from pathlib import Path

import torch
from tqdm import tqdm

from ..errors import DataError
from .imageset import ImageSet
from .pictures import fit, pick, read_picture

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def load_folder(split, size, root, limit, seed) -> ImageSet:
    """Every picture below ``root`` as RGB, its middle cut out and resized to ``size`` (64).

    The first sub-folder on the way to a picture names its class; one that lies in ``root``
    itself belongs to a class named like ``root``. About nine pictures in ten are for training,
    the tenth for testing: a picture's own path below ``root`` decides, so adding or removing
    others moves none.
    """
    if root is None:
        raise DataError(
            "'folder' needs the folder that holds your pictures: load('folder', root=…)"
        )
    root = Path(root).expanduser()
    paths = find_pictures(root)
    class_of = {path: _class_name(path.relative_to(root), root) for path in paths}
    classes = sorted(set(class_of.values()))
    mine = [path for path in paths if split_of(path.relative_to(root)) == split]
    if not mine:
        raise DataError(
            f"{root}: none of its {len(paths)} pictures fell into the split {split!r} "
            "(one in ten is for testing); add more pictures"
        )
    mine = [mine[i] for i in pick(len(mine), limit, seed, f"{root}, split {split!r},")]
    images = [
        fit(read_picture(path), 64 if size is None else size)
        for path in tqdm(mine, desc="reading pictures", unit="file", delay=1, leave=False)
    ]
    labels = [classes.index(class_of[path]) for path in mine]
    return ImageSet(torch.stack(images), torch.tensor(labels), tuple(classes), "folder", split)


def find_pictures(root: Path) -> list[Path]:
    """All picture files below ``root``, told by their suffix, hidden ones left out; sorted."""
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; root names the folder that holds your pictures")
    if not os.access(root, os.R_OK | os.X_OK):
        raise DataError(f"{root}: this folder may not be read; change its permissions")
    paths = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
    if not paths:
        raise DataError(
            f"{root}: no pictures found; looked for files ending in {' '.join(SUFFIXES)}"
        )
    return paths


def split_of(relative: Path) -> str:
    """The split of a picture, decided by a hash of its path: the same on every machine."""
    name = unicodedata.normalize("NFC", relative.as_posix())  # macOS stores accents in two parts
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return "test" if int.from_bytes(digest[:8], "big") % 10 == 0 else "train"


def _class_name(relative: Path, root: Path) -> str:
    return relative.parts[0] if len(relative.parts) > 1 else root.resolve().name
