"""Second stage: models of the grid of indices, from which new images are drawn."""

from .pixelcnn import GatedPixelCNN
from .sampling import draw

__all__ = ["GatedPixelCNN", "draw"]
