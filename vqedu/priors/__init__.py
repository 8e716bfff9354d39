"""Second stage: models of the grid of indices, from which new images are drawn."""

from .base import AutoregressivePrior, Prior
from .likelihood import bits, bits_per_dimension, bits_per_token
from .masked import MaskedTransformer
from .pixelcnn import GatedPixelCNN
from .sampling import draw
from .transformer import Transformer

__all__ = [
    "AutoregressivePrior",
    "GatedPixelCNN",
    "MaskedTransformer",
    "Prior",
    "Transformer",
    "bits",
    "bits_per_dimension",
    "bits_per_token",
    "draw",
]
