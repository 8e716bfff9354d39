"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 28×28 grey pictures of clothes, ten classes.

``"fashion"`` ships inside the package: the first 1,000 (200) images of each class of the
original training (test) file. ``"fashion-full"`` is the original, 60,000 + 10,000.
"""

import hashlib
import json
import os
from pathlib import Path

import torch
from torch.nn.functional import pad

from ..errors import DataError
from .idx import read_idx
from .imageset import ImageSet
from .pictures import fit, pick

SHIPPED = Path(__file__).parent.parent / "assets" / "fashion-mnist-10k"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
PREFIX = {"train": "train", "test": "t10k"}
COUNT = {
    "fashion": {"train": 10_000, "test": 2_000},
    "fashion-full": {"train": 60_000, "test": 10_000},
}


def file_names(split: str) -> tuple[str, str]:
    """The original names of a split's image file and label file."""
    return f"{PREFIX[split]}-images-idx3-ubyte.gz", f"{PREFIX[split]}-labels-idx1-ubyte.gz"


def load_shipped(split, size, root, limit, seed) -> ImageSet:
    """``"fashion"``: the subset inside the package, its files checked against the manifest."""
    if root is not None:
        raise DataError("'fashion' ships inside the package: leave root out (or 'fashion-full')")
    files = file_names(split)
    for file, ok, detail in verify():
        if file in files and not ok:
            raise DataError(f"{SHIPPED / file}: {detail}; install vqedu again, or restore the file")
    return read_split(SHIPPED / files[0], SHIPPED / files[1], "fashion", split, size, limit, seed)


def verify() -> list[tuple[str, bool, str]]:
    """Compare the shipped files with their manifest.

    Returns:
        One (file name, whether it is right, what was found in words) for each file.
    """
    manifest = SHIPPED / "manifest.json"
    try:
        expected = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{manifest}: cannot be read ({error}); install vqedu again") from error
    return [(name, *_verify_file(SHIPPED / name, entry)) for name, entry in expected.items()]


def _verify_file(path: Path, entry: dict) -> tuple[bool, str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        return False, f"cannot be read ({error.strerror})"
    if len(data) != entry["bytes"]:
        return False, f"{len(data):,} bytes long where {entry['bytes']:,} are right"
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry["sha256"]:
        return (
            False,
            f"altered: its SHA-256 is {digest[:12]}… where {entry['sha256'][:12]}… is right",
        )
    return True, f"{len(data):,} bytes, SHA-256 {digest[:12]}…"


def cache_folder() -> Path:
    """Where downloads go: ``$VQEDU_DATA`` when it is set, else ``~/.cache/vqedu``."""
    return Path(os.environ.get("VQEDU_DATA") or "~/.cache/vqedu").expanduser()


def load_full(split, size, root, limit, seed) -> ImageSet:
    """``"fashion-full"``: the four original files, from a local copy or by download.

    A local copy is looked for in ``root`` (default: the cache folder), in torchvision's layout
    below it, and where Debian's package puts it. Otherwise torchvision downloads it to ``root``.
    """
    home = Path(root).expanduser() if root is not None else cache_folder()
    places = [home, home / "FashionMNIST" / "raw", DEBIAN]
    pair = next(filter(None, (_local_pair(place, split) for place in places)), None)
    if pair is None:
        _download(home, places)
        pair = _local_pair(places[1], split)
    return read_split(*pair, "fashion-full", split, size, limit, seed)


def _local_pair(place: Path, split: str) -> tuple[Path, Path] | None:
    """Image and label file in a folder, gzipped or unpacked; None unless both are there."""
    found = []
    for name in file_names(split):
        candidates = [place / name, place / name.removesuffix(".gz")]
        found += [path for path in candidates if path.is_file()][:1]
    return tuple(found) if len(found) == 2 else None


def _download(home: Path, places: list[Path]) -> None:
    from torchvision.datasets import FashionMNIST

    try:
        FashionMNIST(home, download=True)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())  # torchvision's own message runs over several lines
        names = ", ".join(file_names("train") + file_names("test"))
        raise DataError(
            f"'fashion-full' was not found in {', '.join(map(str, places))} and could not be "
            f"downloaded ({reason}). Put {names} into one of these folders (another one: root=…, "
            "or the environment variable VQEDU_DATA), or use 'fashion', which needs no network"
        ) from error


def read_split(images_file, labels_file, name, split, size, limit, seed) -> ImageSet:
    """Read one pair of idx files in Fashion-MNIST's layout. A size above 28 adds a black border, as
    LeCun et al. 1998 did for digits: enlarged, the pictures would only be blurred."""
    images, labels = read_idx(images_file, ndim=3), read_idx(labels_file, ndim=1)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_file}: {len(labels):,} labels for the {len(images):,} images of {images_file}"
        )
    if len(images) != COUNT[name][split]:
        raise DataError(
            f"{images_file}: holds {len(images):,} images where {name!r} has "
            f"{COUNT[name][split]:,}; fetch the original file"
        )
    chosen = pick(len(images), limit, seed, f"{name!r}, split {split!r},")
    images = torch.from_numpy(images[chosen]).unsqueeze(1)  # (N, 28, 28) -> (N, 1, 28, 28)
    labels = torch.from_numpy(labels[chosen].astype("int64"))
    if size is not None and size > images.shape[-1]:
        before = (size - images.shape[-1]) // 2
        after = size - images.shape[-1] - before
        images = pad(images, (before, after, before, after))  # the background is 0, black
    elif size is not None:
        images = fit(images, size)
    return ImageSet(images, labels, CLASSES, name, split)
