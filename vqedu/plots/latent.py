"""What is drawn from a latent space: clouds of vectors, and the classes of the images that they
become. Every function returns the matplotlib ``Figure``."""

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import finish


def clouds(named: dict[str, Tensor], xlabel: str, ylabel: str) -> Figure:
    """Two-dimensional samples of several distributions over one another, told apart by colour and
    by the shape of the points.

    Args:
        named: title and (N, 2) points of each; the first is drawn below the others.
        xlabel: of the axis, with the unit.
        ylabel: likewise.
    """
    figure, axis = plt.subplots(figsize=(5.6, 4))
    for i, (name, points) in enumerate(named.items()):
        x, y = points.detach().cpu().T.numpy()
        axis.scatter(x, y, s=12, alpha=0.5, linewidths=0, marker="o^sD"[i % 4], label=name)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    legend = axis.legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=2)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    return finish(figure)


def shares(named: dict[str, Tensor], columns: list[str]) -> Figure:
    """A table of shares in per cent, one row for each name; the darker, the larger.

    Args:
        named: title and (n,) shares between 0 and 1 of each row.
        columns: n names, above the table.
    """
    table = 100 * torch.stack([row.detach().cpu().float() for row in named.values()])
    figure, axis = plt.subplots(figsize=(0.75 * len(columns) + 2, 0.5 * len(named) + 1.5))
    axis.imshow(table.numpy(), cmap="Greys", vmin=0, vmax=2 * float(table.max()), aspect="auto")
    for row, column in torch.cartesian_prod(*map(torch.arange, table.shape)).tolist():
        axis.text(column, row, f"{table[row, column]:.0f} %", ha="center", va="center")
    axis.set_xticks(range(len(columns)), columns, rotation=40, ha="left", rotation_mode="anchor")
    axis.set_yticks(range(len(named)), list(named))
    axis.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
    axis.spines[:].set_visible(False)
    return finish(figure)
