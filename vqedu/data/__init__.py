"""Images for the course: one call, one return type, one value range.

    >>> from vqedu.data import load
    >>> load("fashion")
    ImageSet('fashion', 'train': 10,000 grey images of 28×28, 10 classes)

What a model sees is float32 in [-1, 1], always. See ``ImageSet``.
"""

from functools import partial
from numbers import Integral
from pathlib import Path

from ..errors import DataError, did_you_mean
from .fashion import cache_folder, load_full, load_shipped, verify
from .folder import load_folder
from .from_torchvision import PREFIX, load_torchvision
from .imageset import ImageSet, from_uint8, to_unit
from .moving import ClipSet, load_moving
from .photos import load_medical, load_photos, photograph
from .sounds import SoundSet, load_digits, load_sounds

__all__ = [
    "NAMES",
    "OTHERS",
    "SPLITS",
    "ClipSet",
    "DataError",
    "ImageSet",
    "SoundSet",
    "cache_folder",
    "from_uint8",
    "load",
    "photograph",
    "to_unit",
    "verify",
]

SPLITS = ("train", "test")
_LOADERS = {
    "fashion": load_shipped,
    "fashion-full": load_full,
    "photos": load_photos,
    "medical": load_medical,
    "moving": load_moving,
    "folder": load_folder,
    "digits": load_digits,
    "sounds": load_sounds,
}
# The names that give no images, and what they give.
OTHERS = {"moving": "clips", "digits": "sounds", "sounds": "sounds"}
NAMES = (*_LOADERS, PREFIX + "CIFAR10")


def load(
    name: str,
    split: str = "train",
    *,
    size: int | None = None,
    root: str | Path | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> ImageSet | ClipSet | SoundSet:
    """Load a set of images, clips or sounds by name. Introduced in ``chapters/00_start_here``.

    Args:
        name: one of

            - ``"fashion"``: Fashion-MNIST (Xiao et al. 2017), grey 28×28, the 10,000 + 2,000
              images that ship inside the package;
            - ``"fashion-full"``: all 60,000 + 10,000, from a local copy or by download;
            - ``"photos"``: RGB patches of scikit-image's photographs, 10,000 + 2,000 of 32×32
              unless asked otherwise; training and test patches from separate photographs;
            - ``"medical"``: RGB patches of an eye's retina and of stained tissue, 10,000 + 2,000 of
              32×32 unless asked otherwise; training and test patches from separate halves;
            - ``"moving"``: clips of 8 frames, an item of ``"fashion"`` that moves over a dark patch
              of ``"photos"``, grey, 4,000 + 500 of 24×24 unless asked otherwise;
            - ``"folder"``: your own pictures below ``root``, RGB, 64×64 unless asked otherwise;
            - ``"digits"``: spoken digits by ten synthetic voices, 560 + 200 that ship inside the
              package; two of the voices are heard in the test only;
            - ``"sounds"``: your own files below ``root``, named ``label_speaker_number.wav``;
            - ``"torchvision:CIFAR10"``, or another of torchvision's image sets.
        split: ``"train"`` or ``"test"``.
        size: side of the square images in pixels; the middle of each image is cut out and
            resized; Fashion-MNIST's above 28 get a black border instead. None keeps the size
            named above, and sounds take no other.
        root: the folder of your pictures, or where a download is looked for and kept (default:
            ``$VQEDU_DATA``, else ``~/.cache/vqedu``).
        limit: how many images, drawn at random. None means all.
        seed: decides the draw; the same seed draws the same images.

    Returns:
        An ``ImageSet``; of clips a ``ClipSet``, of sounds a ``SoundSet``.

    Raises:
        DataError: when the request makes no sense or a file cannot be used; names the file.
    """
    if split not in SPLITS:
        raise DataError(f"split must be 'train' or 'test', not {split!r}")
    if size is not None:
        _check_whole("size", size, low=1, high=1024)
    if limit is not None:
        _check_whole("limit", limit, low=1)
    _check_whole("seed", seed, low=0, high=2**32 - 1)
    return _loader(name)(split=split, size=size, root=root, limit=limit, seed=seed)


def _loader(name):
    if name in _LOADERS:
        return _LOADERS[name]
    if str(name).startswith(PREFIX):
        return partial(load_torchvision, name)
    known = ", ".join(map(repr, NAMES))
    raise DataError(f"there is no data set {name!r}, only {known}{did_you_mean(name, NAMES)}")


def _check_whole(what, value, *, low, high=None):
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        wanted = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise DataError(f"{what} must be a whole number {wanted}, not {value!r}")
