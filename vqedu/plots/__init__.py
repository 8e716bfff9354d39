"""Every figure of the course. A chapter draws one in a line; the style lives here.

All functions return the matplotlib ``Figure``. Images are (B, C, H, W) tensors in [-1, 1].
"""

from .charts import LiveCurves, bars, curves, grouped_bars, lines, usage
from .derivations import functions
from .images import heat, images, rows, spotlight, tokens
from .latent import clouds, shares
from .quantization import cells, staircase, straight_through
from .steps import stacked
from .style import COLOURS, as_picture, use_style

__all__ = [
    "COLOURS",
    "LiveCurves",
    "as_picture",
    "bars",
    "cells",
    "clouds",
    "curves",
    "functions",
    "grouped_bars",
    "heat",
    "images",
    "lines",
    "rows",
    "shares",
    "spotlight",
    "stacked",
    "staircase",
    "straight_through",
    "tokens",
    "usage",
    "use_style",
]
