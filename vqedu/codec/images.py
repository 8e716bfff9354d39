"""Image <-> the content of a file."""

import hashlib
from math import ceil

import torch.nn.functional as F
from torch import Tensor, nn

from ..autoencoders import VQAutoencoder
from ..checkpoints import fingerprint
from ..errors import DataError, InputError
from . import tokens as coding
from .header import NO_PRIOR, Header

LARGEST = 2**16 - 1  # what two bytes hold


def compress(
    model: VQAutoencoder, image: Tensor, prior: nn.Module | None = None, *, label: int = 0
) -> bytes:
    """Turn an image into the content of a file.

    The image goes through the model in one piece; at the right and lower edge it is first
    continued by its last pixels to a multiple of the model's stride.

    Args:
        model: a trained autoencoder.
        image: (C, H, W) float in [-1, 1], of any size from 1×1 to 65,535×65,535.
        prior: a trained autoregressive prior of the model's tokens. A map of tokens larger than
            its grid is cut into blocks of the grid's size, coded side by side, each as if it
            were alone. Of blocks that reach over the map's edge, the part outside takes no bits:
            it repeats the nearest tokens, which the decoder knows by then.
        label: the class that the prior takes as condition.

    Returns:
        35 bytes of header, the information content of the tokens under what codes them, and up
        to 4 bytes. (Probabilities below 2^-24 are coded as if they were that.)

    Raises:
        InputError: another shape or range; a prior that does not fit the model, or cannot be
            coded with; a label it does not have; ``code_counts`` that do not fit.

    Shown in ``chapters/08_applications``. Coder: Bamler 2022, the library constriction.
    """
    tokens, (_, height, width) = _tokens(model, image), image.shape
    levels = tokens.shape[2] if tokens.ndim == 3 else 0
    if prior is None:
        payload = coding.encode_alike(coding.frequencies(model), tokens)
    else:
        _check_prior(model, prior, label, levels)
        payload = coding.encode_by_prior(prior, tokens, label)
    header = Header(
        model=_model_hash(model),
        prior=_prior_hash(prior),
        label=label if prior is not None else 0,
        height=height,
        width=width,
        levels=levels,
        token_crc=coding.checksum(tokens),
    )
    return header.join(payload)


def decompress(model: VQAutoencoder, data: bytes, prior: nn.Module | None = None) -> Tensor:
    """The image that :func:`compress` was given, as the autoencoder reconstructs it.

    Args:
        model: the model that compressed it.
        data: the content of the file.
        prior: the prior that compressed it, if one did.

    Returns:
        (C, H, W) float32 in [-1, 1], on the CPU.

    Raises:
        DataError: a file of another kind or a newer version, one that is cut short or altered,
            or whose tokens come out differently (see above for when they do).
        InputError: another model, another prior, or a prior missing or too many.

    Shown in ``chapters/08_applications``.
    """
    header, payload = Header.split(data)
    if header.model != _model_hash(model):
        raise InputError(
            f"the image was compressed with another model ({header.model.hex()}), not with this "
            f"one ({_model_hash(model).hex()}); a model that was trained on is another one"
        )
    _check_same_prior(header.prior, prior)
    size = [ceil(n / model.stride) for n in (header.height, header.width)]
    if prior is None:
        size += [header.levels] if header.levels else []
        tokens = coding.decode_alike(coding.frequencies(model), payload, size)
    else:
        _check_prior(model, prior, header.label, header.levels)
        tokens = coding.decode_by_prior(prior, payload, size, header.label)
    if coding.checksum(tokens) != header.token_crc:
        raise DataError(coding.OUT_OF_STEP)
    return _image(model, tokens, header.height, header.width)


def through(model: VQAutoencoder, image: Tensor) -> Tensor:
    """What :func:`decompress` gives back for an image, without a file in between.

    Args:
        model: a trained autoencoder.
        image: (C, H, W) float in [-1, 1], of any size as for :func:`compress`.

    Returns:
        (C, H, W) float32 in [-1, 1], on the CPU.

    Raises:
        InputError: another shape or range.
    """
    return _image(model, _tokens(model, image), *image.shape[1:])


def _tokens(model: VQAutoencoder, image: Tensor) -> Tensor:
    """(C, H, W) -> (h, w) or (h, w, Q), on the CPU."""
    if image.ndim != 3 or 0 in image.shape or max(image.shape) > LARGEST:
        raise InputError(
            f"the codec takes one image (C, H, W) of 1 to {LARGEST:,} pixels a side; "
            f"got {tuple(image.shape)}"
        )
    if not image.is_floating_point() or not (image.abs() <= 1).all():
        raise InputError("the codec takes an image of floating-point values in [-1, 1]")
    margin = (0, -image.shape[2] % model.stride, 0, -image.shape[1] % model.stride)
    return model.tokens(F.pad(image[None].float(), margin, mode="replicate"))[0].cpu()


def _image(model: VQAutoencoder, tokens: Tensor, height: int, width: int) -> Tensor:
    """The tokens of :func:`_tokens` -> (C, height, width), on the CPU."""
    return model.decode_indices(tokens[None])[0, :, :height, :width].cpu()


def _model_hash(model: nn.Module) -> bytes:
    """Changes with all that tokens depend on: the weights and the frequencies."""
    counts = getattr(model, "notes", {}).get("code_counts")
    return hashlib.sha256(f"{fingerprint(model)} {counts}".encode()).digest()[:8]


def _prior_hash(prior: nn.Module | None) -> bytes:
    return NO_PRIOR if prior is None else bytes.fromhex(fingerprint(prior))[:8]


def _check_same_prior(wanted: bytes, prior: nn.Module | None) -> None:
    if wanted == _prior_hash(prior):
        return
    if prior is None:
        raise InputError(
            f"the image was compressed under a prior ({wanted.hex()}), which must be given"
        )
    if wanted == NO_PRIOR:
        raise InputError("the image was compressed without a prior; give none")
    raise InputError(
        f"the image was compressed under another prior ({wanted.hex()}), not under this one "
        f"({_prior_hash(prior).hex()})"
    )


def _check_prior(model: VQAutoencoder, prior: nn.Module, label: int, levels: int) -> None:
    if not hasattr(prior, "walk"):
        raise InputError(
            "a codec needs a prior that reads tokens one after the other, such as GatedPixelCNN "
            f"or Transformer; got a {type(prior).__name__}"
        )
    if levels or prior.num_codes != model.quantizer.num_codes:
        raise InputError(
            f"the prior models grids of {prior.num_codes} codes; this model's tokens have "
            f"{model.quantizer.num_codes} codes" + (f" in {levels} levels" if levels else "")
        )
    if not 0 <= label < prior.num_classes:
        raise InputError(f"label must lie in [0, {prior.num_classes}) for this prior; got {label}")
