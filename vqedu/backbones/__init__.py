"""Encoders and decoders: the convolutional networks on both sides of the quantiser.

==============================  ==========================================================
``VQVAEEncoder, VQVAEDecoder``  van den Oord et al. 2017: few layers, quick on a CPU
``VQGANEncoder, VQGANDecoder``  Esser et al. 2021: deep, with normalisation and attention
==============================  ==========================================================

Every encoder has ``stride``, the pixels per token along each side; every decoder ``last_layer``,
the weight of its last convolution.
"""

from .vqgan import AttentionBlock, VQGANDecoder, VQGANEncoder
from .vqvae import ResidualBlock, VQVAEDecoder, VQVAEEncoder

__all__ = [
    "AttentionBlock",
    "ResidualBlock",
    "VQGANDecoder",
    "VQGANEncoder",
    "VQVAEDecoder",
    "VQVAEEncoder",
]
