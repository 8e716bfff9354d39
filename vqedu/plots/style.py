"""The course's look: one palette, one set of sizes, and how a figure is finished."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ..data import to_unit

# Okabe and Ito's palette: told apart by readers with any colour vision, and in grey print.
BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6B6B6B"
COLOURS = (BLUE, ORANGE, GREEN, PINK, GREY)
STYLE = {
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 13,
    "axes.labelsize": 13,
    "figure.dpi": 110,
    "font.size": 12,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "legend.fontsize": 11,
    "savefig.bbox": "tight",
}


def use_style() -> None:
    """Set the course's look for the figures of a notebook."""
    plt.rcParams.update(STYLE)


def as_picture(image: Tensor) -> np.ndarray:
    """One (C, H, W) image in [-1, 1] -> what ``imshow`` takes: (H, W) or (H, W, 3) in [0, 1]."""
    picture = to_unit(image.detach().float().cpu()).permute(1, 2, 0).numpy()
    return picture[..., 0] if picture.shape[2] == 1 else picture


def finish(figure: Figure, pad: float = 1.08) -> Figure:
    """Lay out, and close: a notebook shows what a cell returns, and would show it twice."""
    figure.tight_layout(pad=pad)
    plt.close(figure)
    return figure


def show(axis, image: Tensor, title: str = "") -> None:
    """Draw one (C, H, W) image in [-1, 1] on a panel, without ticks or frame."""
    axis.imshow(as_picture(image), cmap="gray", vmin=0, vmax=1)
    axis.set_title(title, fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
