"""Encoder + quantiser + decoder."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from .. import quantizers
from ..backbones import VQGANDecoder, VQGANEncoder, VQVAEDecoder, VQVAEEncoder
from ..inference import device_of, evaluating
from ..quantizers import Quantized, Quantizer


class VQAutoencoder(nn.Module):
    """An image goes in, a grid of indices comes out, and from it an image again.

    The same autoencoder for both: VQ-VAE and VQGAN are this class, and either network
    (:func:`vqvae`, :func:`vqgan`) can be trained under either objective. A method's name says how
    the weights were found, not what the model computes.

    Args:
        encoder: (B, C, H, W) in [-1, 1] -> (B, D, h, w); has ``stride`` and ``in_channels``.
        quantizer: any :class:`~vqedu.quantizers.Quantizer` with ``code_dim`` D. Most give one
            index per position; where indices are (B, h, w) below, a residual quantiser with Q
            stages has (B, h, w, Q).
        decoder: (B, D, h, w) -> (B, C, H, W); has ``last_layer``.

    Derived in ``chapters/05_vqvae`` and, for VQGAN, ``chapters/06_vqgan``.
    """

    def __init__(self, encoder: nn.Module, quantizer: Quantizer, decoder: nn.Module):
        super().__init__()
        self.encoder, self.quantizer, self.decoder = encoder, quantizer, decoder

    @property
    def in_channels(self) -> int:
        """C of the images."""
        return self.encoder.in_channels

    @property
    def stride(self) -> int:
        """Pixels per token, along each side."""
        return self.encoder.stride

    @property
    def last_layer(self) -> nn.Parameter:
        """The weight of the decoder's last convolution, where VQGAN balances its two losses."""
        return self.decoder.last_layer

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
    stride: int = 4,
    upsampling: str = "transposed",
    quantizer: str = "ema",
    **quantizer_options,
) -> VQAutoencoder:
    """The autoencoder of the VQ-VAE paper, ready to train.

    Args:
        in_channels: C of the images.
        num_codes: K.
        code_dim: D.
        width: channels inside the networks.
        stride: pixels per token, along each side; 4, 8, 16, …
        upsampling: ``"transposed"`` or ``"nearest"``, see
            :class:`~vqedu.backbones.VQVAEDecoder`.
        quantizer: one of the keys of ``vqedu.quantizers.BY_NAME``.
        quantizer_options: passed on to the quantiser: ``beta``, ``decay``, …

    Raises:
        InputError: an unknown quantiser, stride or upsampling.

    Source: van den Oord et al. 2017; built up in ``chapters/05_vqvae``.
    """
    config = {"in_channels": in_channels, "num_codes": num_codes, "code_dim": code_dim}
    config |= {"width": width, "stride": stride, "upsampling": upsampling}
    config |= {"quantizer": quantizer, **quantizer_options}
    model = VQAutoencoder(
        VQVAEEncoder(in_channels, code_dim, width, stride),
        quantizers.build(quantizer, num_codes, code_dim, **quantizer_options),
        VQVAEDecoder(in_channels, code_dim, width, stride, upsampling),
    )
    model.config = {"builder": "vqvae", **config}  # what a checkpoint needs to build it again
    return model


def vqgan(
    in_channels: int = 3,
    *,
    num_codes: int = 1024,
    code_dim: int = 256,
    width: int = 128,
    multipliers: Sequence[int] = (1, 1, 2, 2, 4),
    res_blocks: int = 2,
    attention_levels: Sequence[int] = (-1,),
    mid_attention: bool = True,
    z_channels: int | None = None,
    quantizer: str = "vq",
    **quantizer_options,
) -> VQAutoencoder:
    """The autoencoder of the VQGAN paper, ready to train. The defaults are the f16 model with
    K = 1024: 72.14 million parameters, 16×16 tokens for 256×256 pixels.

    ``width=32, multipliers=(1, 2, 2)`` makes one for small images that a CPU can train.

    Args:
        in_channels: C of the images.
        num_codes: K.
        code_dim: D.
        width: channels at full resolution, a multiple of 32.
        multipliers: channels of each level as multiples of ``width``; every level after the first
            halves the sides.
        res_blocks: residual blocks per level of the encoder; the decoder has one more.
        attention_levels: levels with attention, 0 the full resolution, -1 the lowest.
        mid_attention: attention also between levels and codes.
        z_channels: channels on the other side of the 1×1 convolutions next to the quantiser;
            None: ``code_dim``, as in all published models.
        quantizer: one of the keys of ``vqedu.quantizers.BY_NAME``.
        quantizer_options: passed on to the quantiser: ``beta``, ``revive_after``, …

    Raises:
        InputError: an unknown quantiser, or sizes that do not fit
            (:class:`~vqedu.backbones.VQGANEncoder`).

    Source: Esser et al. 2021; shown in ``chapters/06_vqgan``.
    """
    network = {
        "width": width,
        "multipliers": list(multipliers),
        "res_blocks": res_blocks,
        "attention_levels": list(attention_levels),
        "mid_attention": mid_attention,
        "z_channels": z_channels,
    }
    model = VQAutoencoder(
        VQGANEncoder(in_channels, code_dim, **network),
        quantizers.build(quantizer, num_codes, code_dim, **quantizer_options),
        VQGANDecoder(in_channels, code_dim, **network),
    )
    config = {"in_channels": in_channels, "num_codes": num_codes, "code_dim": code_dim}
    model.config = {"builder": "vqgan", **config, **network, "quantizer": quantizer}
    model.config |= quantizer_options
    return model
