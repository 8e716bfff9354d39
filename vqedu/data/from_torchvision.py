"""``"torchvision:NAME"``: any labelled image set of torchvision that can be downloaded."""

import inspect
from numbers import Integral
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from ..errors import DataError, did_you_mean
from .fashion import cache_folder
from .imageset import ImageSet
from .pictures import fit, pick, to_rgb

PREFIX = "torchvision:"
SPLIT_WORDS = {"train": ("train",), "test": ("test", "val")}  # some sets call it "val"


def load_torchvision(name, split, size, root, limit, seed) -> ImageSet:
    """Read a set through ``torchvision.datasets``; it is downloaded to ``root`` when missing.

    Without ``size`` its images must all be of one size. Grey images stay grey, unless the set
    holds RGB images too.
    """
    dataset = _open(name.removeprefix(PREFIX), split, root)
    chosen = pick(len(dataset), limit, seed, f"{name!r}, split {split!r},")
    images, labels = [], []
    for i in tqdm(chosen, desc=f"reading {name}", unit="image", delay=1, leave=False):
        image, label = _item(dataset, int(i), name)
        images.append(_pixels(image, size))
        labels.append(label)
    classes = getattr(dataset, "classes", None) or range(max(labels) + 1)
    classes = tuple(c[0] if isinstance(c, tuple) else str(c) for c in classes)
    return ImageSet(_stack(images, name), torch.tensor(labels), classes, name, split)


def _open(short, split, root):
    """Construct the torchvision data set, downloading it when necessary."""
    from torchvision import datasets

    known = [n for n in datasets.__all__ if _parameters(getattr(datasets, n))]
    if short not in known:
        hint = did_you_mean(PREFIX + short, [PREFIX + n for n in known])
        raise DataError(
            f"torchvision has no downloadable image set {short!r}, only {', '.join(known)}{hint}"
        )
    make = getattr(datasets, short)
    home = Path(root).expanduser() if root is not None else cache_folder()
    if "train" in _parameters(make):
        variants = [{"train": split == "train"}]
    else:
        variants = [{"split": word} for word in SPLIT_WORDS[split]]
    for variant in variants:
        try:
            home.mkdir(parents=True, exist_ok=True)
            return make(home, **variant, download=True)
        except ValueError as error:  # this set has no split of that name
            reason = error
        except (OSError, RuntimeError, ImportError) as error:
            reason = " ".join(str(error).split())  # some messages run over several lines
            raise DataError(
                f"'{PREFIX}{short}' is not in {home} and could not be downloaded ({reason}); put "
                "torchvision's files there, name another folder with root=…, or load 'fashion', "
                "which needs no network"
            ) from error
    raise DataError(f"'{PREFIX}{short}' has no split {split!r}: {reason}") from reason


def _parameters(make) -> set[str]:
    """Names of a data set's parameters, or none when it cannot be called the way we call it."""
    names = set(inspect.signature(make).parameters) if inspect.isclass(make) else set()
    return names if "download" in names and names & {"train", "split"} else set()


def _item(dataset, i: int, name: str) -> tuple[Image.Image, int]:
    try:
        item = dataset[i]
    except (OSError, SyntaxError) as error:  # what Pillow raises on a damaged file
        raise DataError(
            f"{name}: image {i} cannot be read ({error}); fetch the set anew"
        ) from error
    match item:
        case (Image.Image() as image, Integral() as label) if label >= 0:
            return image, int(label)
    raise DataError(f"{name}: its items are not pairs of a picture and a class number")


def _pixels(image: Image.Image, size: int | None) -> torch.Tensor:
    """One picture: uint8 (1, H, W) when it is grey, else (3, H, W)."""
    pixels = to_rgb(image)[:1] if image.mode in ("1", "L") else to_rgb(image)
    return pixels if size is None else fit(pixels, size)


def _stack(images: list[torch.Tensor], name: str) -> torch.Tensor:
    sizes = {tuple(image.shape[1:]) for image in images}
    if len(sizes) > 1:
        raise DataError(
            f"{name}: its images are of {len(sizes)} different sizes; choose one: size=…"
        )
    channels = max(len(image) for image in images)
    return torch.stack([image.expand(channels, -1, -1) for image in images])
