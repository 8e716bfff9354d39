"""Encoder + quantiser + decoder. VQ-VAE and VQGAN are the same autoencoder; what tells them apart
is what they are trained for, in :mod:`vqedu.objectives`."""

import math

from torch import Tensor, nn

from . import quantizers
from .backbones import VQVAEDecoder, VQVAEEncoder
from .errors import InputError
from .inference import device_of, evaluating
from .quantizers import Quantized, Quantizer


class VQAutoencoder(nn.Module):
    """An image goes in, a grid of indices comes out, and from it an image again.

    Args:
        encoder: (B, C, H, W) in [-1, 1] -> (B, D, h, w).
        quantizer: any :class:`~vqedu.quantizers.Quantizer` with ``code_dim`` D.
        decoder: (B, D, h, w) -> (B, C, H, W).

    Derived in ``chapters/05_vqvae``.
    """

    def __init__(self, encoder: nn.Module, quantizer: Quantizer, decoder: nn.Module):
        super().__init__()
        self.encoder, self.quantizer, self.decoder = encoder, quantizer, decoder

    def forward(self, x: Tensor) -> tuple[Tensor, Quantized]:
        """(B, C, H, W) -> the reconstruction, not clamped, and what the quantiser returned."""
        quantized = self.encode(x)
        return self.decode(quantized.z_q), quantized

    def encode(self, x: Tensor) -> Quantized:
        """(B, C, H, W) images in [-1, 1] -> codes (B, D, h, w) and indices (B, h, w).

        In training mode a quantiser may learn from what it sees; ``tokens`` never does.
        """
        return self.quantizer(self.encoder(x))

    def decode(self, z_q: Tensor) -> Tensor:
        """(B, D, h, w) codes -> (B, C, H, W) images, not clamped."""
        return self.decoder(z_q)

    # The next three move their input to the model's device, and learn nothing in any mode.

    def tokens(self, x: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] -> (B, h, w) indices.

        Raises:
            InputError: as the encoder and the quantiser do, for a wrong shape or NaN.
        """
        with evaluating(self):
            return self.encode(x.to(device_of(self))).indices

    def decode_indices(self, indices: Tensor) -> Tensor:
        """(B, h, w) indices in [0, K) -> (B, C, H, W) images, clamped to [-1, 1].

        Raises:
            InputError: not integers, or an index outside [0, K).
        """
        with evaluating(self):
            codes = self.quantizer.lookup(indices.to(device_of(self)))
            return self.decode(codes).clamp(-1, 1)

    def reconstruct(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> the same through the codes, clamped to [-1, 1].

        Raises:
            InputError: as the encoder and the quantiser do, for a wrong shape or NaN.
        """
        with evaluating(self):
            return self(x.to(device_of(self)))[0].clamp(-1, 1)

    def bits(self, indices: Tensor) -> float:
        """Bits that one image of these (B, h, w) indices takes at log2 K bits a token."""
        return indices[0].numel() * math.log2(self.quantizer.num_codes)


def vqvae(
    in_channels: int = 1,
    *,
    num_codes: int = 512,
    code_dim: int = 64,
    width: int = 128,
    quantizer: str = "ema",
    **quantizer_options,
) -> VQAutoencoder:
    """The autoencoder of the VQ-VAE paper, ready to train.

    Args:
        in_channels: C of the images.
        num_codes: K.
        code_dim: D.
        width: channels inside the networks.
        quantizer: ``"ema"`` or ``"vq"``; the keys of ``vqedu.quantizers.BY_NAME``.
        quantizer_options: passed on to the quantiser: ``beta``, ``decay``, …

    Raises:
        InputError: an unknown quantiser.

    Source: van den Oord et al. 2017; built up in ``chapters/05_vqvae``.
    """
    if quantizer not in quantizers.BY_NAME:
        raise InputError(f"unknown quantizer {quantizer!r}; have {', '.join(quantizers.BY_NAME)}")
    config = {"in_channels": in_channels, "num_codes": num_codes, "code_dim": code_dim}
    config |= {"width": width, "quantizer": quantizer, **quantizer_options}
    model = VQAutoencoder(
        VQVAEEncoder(in_channels, code_dim, width),
        quantizers.BY_NAME[quantizer](num_codes, code_dim, **quantizer_options),
        VQVAEDecoder(in_channels, code_dim, width),
    )
    model.config = {"builder": "vqvae", **config}  # what a checkpoint needs to build it again
    return model
