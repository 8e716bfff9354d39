"""Video: the autoencoder for clips, and a prior that continues one. Tokens of a clip have the axes
(t, h, w); a prior reads them as a grid of t rows of h·w tokens. Read in
``chapters/08_applications``."""

import torch
from torch import Tensor

from .autoencoders.vq import VQAutoencoder
from .backbones.video import VideoDecoder, VideoEncoder
from .errors import InputError
from .priors import draw
from .priors.base import AutoregressivePrior
from .quantizers import EMAVectorQuantizer


def video_vqvae(
    in_channels: int = 1,
    *,
    num_codes: int = 256,
    code_dim: int = 16,
    width: int = 32,
    stride: tuple[int, int, int] = (4, 4, 4),
    decay: float = 0.99,
) -> VQAutoencoder:
    """A VQ-VAE of clips (B, C, T, H, W), ready to train.

    Args:
        in_channels: C of the clips.
        num_codes: K.
        code_dim: D.
        width: channels inside the networks.
        stride: frames and pixels per token, see :class:`~vqedu.backbones.video.VideoEncoder`;
            (1, 8, 8) encodes frame by frame.
        decay: of the codebook's moving averages.

    Raises:
        InputError: another stride.
    """
    sizes = {"in_channels": in_channels, "code_dim": code_dim, "width": width}
    sizes["stride"] = list(stride)
    model = VQAutoencoder(
        VideoEncoder(in_channels, code_dim, width, stride),
        EMAVectorQuantizer(num_codes, code_dim, decay=decay),
        VideoDecoder(in_channels, code_dim, width, stride),
    )
    model.config = {"builder": "video_vqvae", "num_codes": num_codes, **sizes, "decay": decay}
    return model


def tokenize(model: VQAutoencoder, clips: Tensor, batch_size: int = 250) -> Tensor:
    """Clips (N, C, T, H, W) in [-1, 1] -> their indices (N, t, h·w), on the CPU: grids that a prior
    can learn."""
    parts = [model.tokens(x).cpu() for x in clips.split(batch_size)]
    return torch.cat(parts).flatten(2)


def continue_clip(
    model: VQAutoencoder,
    prior: AutoregressivePrior,
    start: Tensor,
    labels: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> Tensor:
    """Draw what comes after the first frames of clips.

    Args:
        model: the tokenizer. Since it does not look ahead, the first frames suffice for their
            tokens.
        prior: of its tokens, as :func:`tokenize` returns them.
        start: (B, C, T', H, W), T' a multiple of the tokenizer's frames per token.
        labels: (B,), classes for the prior.
        temperature: see :func:`~vqedu.priors.draw`.
        top_k: see :func:`~vqedu.priors.draw`.

    Returns:
        (B, C, T, H, W): whole clips, all frames as decoded, on the model's device.

    Raises:
        InputError: as tokenizer and prior do, or when nothing is left to draw.
    """
    given = model.tokens(start)
    rows, *sides = given.shape[1:]
    if rows >= prior.grid[0]:
        raise InputError(
            f"{rows} rows of tokens are given; the prior models {prior.grid[0]} in all"
        )
    given = given.flatten(2)

    def choose(at, logits):
        if at[0] < rows:
            return given[:, *at]
        return draw(logits, temperature=temperature, top_k=top_k)

    return model.decode_indices(prior.walk(labels, choose).unflatten(2, sides))
