"""Every figure of the course. A chapter draws one in a line; the style lives here.

Figures are matplotlib's ``Figure``; ``table`` returns HTML, ``stated`` text, ``as_png`` the
bytes of a file. Images are (B, C, H, W) tensors in [-1, 1].
"""

from .charts import LiveCurves, bars, curves, grouped_bars, lines, usage
from .comparison import as_png, dots, plane, stated, table
from .derivations import functions
from .images import heat, images, rows, spotlight, tokens
from .latent import clouds, shares
from .quantization import by_codes, cells, staircase, straight_through
from .sound import spectrograms
from .steps import stacked
from .style import COLOURS, as_picture, use_style
from .timeline import timeline
from .video import filmstrip
from .vqgan import fields

__all__ = [
    "COLOURS",
    "LiveCurves",
    "as_picture",
    "as_png",
    "bars",
    "by_codes",
    "cells",
    "clouds",
    "curves",
    "dots",
    "fields",
    "filmstrip",
    "functions",
    "grouped_bars",
    "heat",
    "images",
    "lines",
    "plane",
    "rows",
    "shares",
    "spectrograms",
    "spotlight",
    "stacked",
    "staircase",
    "stated",
    "straight_through",
    "table",
    "timeline",
    "tokens",
    "usage",
    "use_style",
]
