"""Picture file <-> compressed file."""

from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from ..autoencoders import VQAutoencoder
from ..data import from_uint8, to_unit
from ..data.pictures import read_picture
from ..errors import DataError, InputError
from ..files import reason, whole
from .header import FileSize, file_size
from .images import compress, decompress

KINDS = ("PNG", "WEBP", "JPEG")  # Pillow's others lose colours, or shrink the picture unasked


def compress_file(
    model: VQAutoencoder,
    source: str | Path,
    target: str | Path,
    prior: nn.Module | None = None,
    *,
    label: int = 0,
) -> FileSize:
    """Compress a picture file; ``target`` appears whole or not at all. See :func:`compress`.

    Raises:
        DataError: a picture that cannot be read, or a target that cannot be written.
        InputError: as :func:`compress` does.
    """
    data = compress(model, read_image(source, model.in_channels), prior, label=label)
    write_whole(target, data)
    return file_size(data)


def decompress_file(
    model: VQAutoencoder, source: str | Path, target: str | Path, prior: nn.Module | None = None
) -> FileSize:
    """Turn a compressed file into a picture file; ``target`` appears whole or not at all. See
    :func:`decompress`, and :func:`write_image` for the suffixes.

    Raises:
        DataError: a source that cannot be read, or as :func:`decompress` does; a target that
            cannot be written.
        InputError: as :func:`decompress` does; a suffix that is no picture's.
    """
    try:
        data = Path(source).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {source}: {error.strerror}") from error
    try:
        image = decompress(model, data, prior)
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    write_image(image, target)
    return file_size(data)


def read_image(path: str | Path, channels: int) -> Tensor:
    """A picture file as a model wants it: (channels, H, W) float32 in [-1, 1].

    See :func:`vqedu.data.pictures.read_picture` for rotation, transparency and 16 bits.

    Args:
        path: any common kind of picture.
        channels: 3, or 1 to have colours turned to grey (luma, ITU-R BT.601).

    Raises:
        DataError: a file that cannot be read.
    """
    image = read_picture(path)
    if channels == 1:
        luma = torch.tensor([0.299, 0.587, 0.114])
        image = torch.einsum("chw,c->hw", image.float(), luma)[None].round().to(torch.uint8)
    return from_uint8(image)


def write_image(image: Tensor, path: str | Path) -> None:
    """Write an image as a picture file, whole or not at all.

    Args:
        image: (C, H, W) float in [-1, 1], C of 1 or 3; what lies outside is clamped.
        path: ends in ``.png``, which keeps every pixel, ``.webp`` (at most 16,383 pixels a side)
            or ``.jpg`` (65,500).

    Raises:
        DataError: the file cannot be written, or its kind holds no picture of that size.
        InputError: an image of another shape or type; another suffix.
    """
    kind = Image.registered_extensions().get(Path(path).suffix.lower())
    if kind not in KINDS:
        raise InputError(f"{path}: a picture's name ends in .png, .webp or .jpg")
    shape = tuple(image.shape)
    if len(shape) != 3 or shape[0] not in (1, 3) or 0 in shape or not image.is_floating_point():
        raise InputError(
            "a picture is written from floating-point values (C, H, W), C of 1 or 3; "
            f"got {shape} of {image.dtype}"
        )
    pixels = (to_unit(image) * 255).round().to(torch.uint8).movedim(0, 2).cpu().numpy()
    content = BytesIO()
    try:
        Image.fromarray(pixels.squeeze(2) if shape[0] == 1 else pixels).save(content, kind)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot write {path}: {error} ({kind} of {shape[1]}×{shape[2]} pixels); "
            "a name in .png would do"
        ) from error
    write_whole(path, content.getvalue())


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all: see :func:`vqedu.files.whole`.

    Raises:
        DataError: it cannot be written.
    """
    try:
        with whole(path) as draft:
            draft.write_bytes(content)
    except OSError as error:
        raise DataError(f"cannot write {path}: {reason(error)}") from error
