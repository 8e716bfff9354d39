"""Pictures: sheets and rows of images, tokens, maps of numbers.

Images are (B, C, H, W) tensors in [-1, 1]; every function returns the matplotlib ``Figure``.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import GREY, finish, show


def images(batch: Tensor, titles=None, columns: int = 10, scale: float = 0.9) -> Figure:
    """A sheet of images, each with its title if there are any."""
    rows = -(-len(batch) // columns)
    extra = 0.25 if titles is not None else 0.0
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * scale, rows * (scale + extra)), squeeze=False
    )
    for i, axis in enumerate(axes.flat):
        if i < len(batch):
            show(axis, batch[i], titles[i] if titles is not None else "")
        else:
            axis.axis("off")
    return finish(figure, pad=0.3)


def rows(named: dict[str, Tensor], columns: int = 10, scale: float = 0.8) -> Figure:
    """One labelled row for each entry: ``rows({"image": x, "reconstruction": x_hat})``."""
    figure, axes = plt.subplots(
        len(named), columns, figsize=(columns * scale + 1.6, len(named) * scale), squeeze=False
    )
    for line, (name, batch) in zip(axes, named.items(), strict=True):
        for i, axis in enumerate(line):
            if i < len(batch):
                show(axis, batch[i])
            else:
                axis.axis("off")
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=13, labelpad=8)
    return finish(figure, pad=0.3)


def tokens(image: Tensor, indices: Tensor, reconstruction: Tensor) -> Figure:
    """One image, its grid of indices written out, and the image decoded from them.

    Args: (C, H, W), (h, w) and (C, H, W).
    """
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.6))
    show(axes[0], image, "image")
    h, w = indices.shape
    axes[1].imshow(np.zeros((h, w)), cmap="Greys", vmin=0, vmax=1)
    for i in range(h):
        for j in range(w):
            axes[1].text(j, i, int(indices[i, j]), ha="center", va="center", fontsize=10)
    axes[1].set_xticks(np.arange(w + 1) - 0.5, labels=[])
    axes[1].set_yticks(np.arange(h + 1) - 0.5, labels=[])
    axes[1].tick_params(length=0)
    axes[1].grid(color=GREY, linewidth=0.8)
    axes[1].spines[:].set_visible(False)
    axes[1].set_title(f"its {h}×{w} tokens", fontsize=10)
    show(axes[2], reconstruction, "decoded from the tokens")
    return finish(figure)


def spotlight(image: Tensor, mask: Tensor) -> Tensor:
    """Fade an image (C, H, W) to grey everywhere but where the (h, w) mask is true."""
    scale = image.shape[1] // mask.shape[0]
    light = mask.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
    return torch.where(light, image, image * 0.3)


def heat(grids: dict[str, Tensor], label: str, mark: tuple[int, int, int] | None = None) -> Figure:
    """(H, W) maps of numbers side by side, one colour scale for all.

    Args:
        grids: title and map.
        label: of the colour bar.
        mark: (row, column, side) of a square to frame in each.
    """
    top = max(float(grid.max()) for grid in grids.values())
    figure, axes = plt.subplots(
        1, len(grids), figsize=(3.4 * len(grids) + 0.8, 3.2), squeeze=False, layout="constrained"
    )
    for axis, (title, grid) in zip(axes[0], grids.items(), strict=True):
        drawn = axis.imshow(grid.cpu().numpy(), cmap="viridis", vmin=0, vmax=top)
        axis.set_title(title)
        axis.set_xticks([])
        axis.set_yticks([])
        if mark:
            row, column, side = mark
            corner = (column - 0.5, row - 0.5)
            axis.add_patch(mpl.patches.Rectangle(corner, side, side, fill=False, ec="w", lw=2))
    figure.colorbar(drawn, ax=axes[0].tolist(), label=label, shrink=0.9)
    plt.close(figure)
    return figure
