"""Planes of vectors and the cells of their codes. Every function returns the ``Figure``."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import BLUE, COLOURS, GREY, ORANGE, finish

MARKERS = "os^DPvX*"  # of the points of a cell


def straight_through(z_e: Tensor, codes: Tensor, gradient: Tensor) -> Figure:
    """The straight-through estimator in two dimensions.

    Args:
        z_e: (N, 2) encoder outputs.
        codes: (K, 2); the plane is tinted by the nearest one.
        gradient: (N, 2), descent directions at each chosen code, drawn there and, copied, at z_e.
    """
    figure, axis = plt.subplots(figsize=(5.5, 4.2))
    side = torch.linspace(-1.6, 1.6, 300)
    cells = _nearest_on_grid(side, side, codes)
    tints = mpl.colors.ListedColormap(mpl.colormaps["Greys"](np.linspace(0.03, 0.22, len(codes))))
    axis.imshow(cells.numpy(), extent=(-1.6, 1.6, -1.6, 1.6), origin="lower", cmap=tints)
    chosen = codes[torch.cdist(z_e, codes).argmin(1)]
    for start, end in zip(z_e, chosen, strict=True):
        axis.plot(*torch.stack([start, end]).T, color=GREY, linewidth=1, linestyle=":")
    axis.scatter(*z_e.numpy().T, s=36, color=BLUE, label="$z_e$, what the encoder gives", zorder=3)
    axis.scatter(*codes.numpy().T, s=70, color=ORANGE, marker="X", label="codes", zorder=3)
    arrow = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.008, "zorder": 4}
    axis.quiver(*chosen.numpy().T, *gradient.numpy().T, color=ORANGE, **arrow)
    axis.quiver(*z_e.numpy().T, *gradient.numpy().T, color=BLUE, **arrow)
    axis.set_xlabel("first coordinate")
    axis.set_ylabel("second coordinate")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return finish(figure)


def staircase(named: dict[str, Tensor]) -> Figure:
    """Scalar quantisers over a standard normal density, one panel each, with a scale for both.

    Args:
        named: title and the levels, (K,) in any order. Each value goes to its nearest level.
    """
    figure, axes = plt.subplots(1, len(named), figsize=(4.6 * len(named), 3.8), squeeze=False)
    x = np.linspace(-4, 4, 801)
    density = np.exp(-(x**2) / 2)
    for axis, (title, levels) in zip(axes[0], named.items(), strict=True):
        levels = np.sort(levels.flatten().numpy())
        borders = (levels[1:] + levels[:-1]) / 2
        axis.fill_between(x, -4, -4 + 2.4 * density, color=GREY, alpha=0.25, label="density of x")
        axis.plot(x, x, color=GREY, linewidth=1, linestyle=":", label="x itself")
        axis.plot(x, levels[np.searchsorted(borders, x)], color=BLUE, label="Q(x)")
        axis.plot(levels, levels, "o", color=ORANGE, label="levels")
        axis.set_xticks(borders, [f"{b:.1f}" if len(borders) < 8 else "" for b in borders])
        axis.set_xlim(-4, 4)
        axis.set_ylim(-4, 4)
        axis.set_title(title)
        axis.set_xlabel("x, with ticks where cells meet")
    axes[0, 0].set_ylabel("Q(x)")
    axes[0, 0].legend(loc="upper left", fontsize=10)
    return finish(figure)


def cells(points: Tensor, named: dict[str, Tensor], lines: bool = True) -> Figure:
    """Points and the Voronoi cells of their codes, one panel for each codebook.

    With lines, a point has the colour and the shape of its nearest code, and codes are numbered;
    without, points are grey dots and codes black ones.

    Args:
        points: (N, 2).
        named: title and codes (K, 2), K at most 40.
        lines: whether a line joins each point to its code.
    """
    points, named = points.cpu(), {title: codes.cpu() for title, codes in named.items()}
    everything = torch.cat([points, *named.values()])
    low, high = everything.amin(0), everything.amax(0)
    edge = 0.12 * (high - low).max()
    (left, bottom), (right, top) = (low - edge).tolist(), (high + edge).tolist()
    side = 4.4 if len(named) < 3 else 3.2  # readable where a page shrinks what is wide
    figure, axes = plt.subplots(
        1, len(named), figsize=(side * len(named), side - 0.4), squeeze=False
    )
    xs, ys = torch.linspace(left, right, 300), torch.linspace(bottom, top, 300)
    for axis, (title, codes) in zip(axes[0], named.items(), strict=True):
        cell = _nearest_on_grid(xs, ys, codes)
        border = torch.zeros_like(cell)
        border[:, 1:] |= cell[:, 1:] != cell[:, :-1]
        border[1:] |= cell[1:] != cell[:-1]
        axis.contour(xs, ys, border, levels=[0.5], colors=GREY, linewidths=0.6)
        for j, own in _owners(points, codes):
            colour, marker = (COLOURS[j % 5], MARKERS[j % len(MARKERS)]) if lines else (GREY, ".")
            for p in own if lines else ():
                axis.plot(*torch.stack([p, codes[j]]).T, color=colour, linewidth=0.8, alpha=0.6)
            axis.plot(*own.T, marker, color=colour, markersize=6 if lines else 2)
        if not lines:
            axis.plot(*codes.T, "o", markersize=5, color="black", markeredgecolor="w")
        for j, code in enumerate(codes.tolist() if lines else ()):
            axis.plot(*code, "o", markersize=17, color=COLOURS[j % 5], markeredgecolor="w")
            axis.text(*code, str(j + 1), color="w", ha="center", va="center", weight="bold")
        axis.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", title=title)
        axis.set_xlabel("first coordinate")
    axes[0, 0].set_ylabel("second coordinate")
    return finish(figure)


def by_codes(measures: dict[str, dict[str, dict[int, float]]]) -> Figure:
    """Measures over the number of codes, one panel each, a line for each quantiser.

    Args:
        measures: label of the y axis and, for each name, its values {K: y}; the same names in the
            same order in each panel, at most 20.
    """
    figure, axes = plt.subplots(1, len(measures), figsize=(4.2 * len(measures), 3.8), squeeze=False)
    for axis, (label, series) in zip(axes[0], measures.items(), strict=True):
        for i, (name, values) in enumerate(series.items()):
            i, line = i % len(COLOURS), ("-", "--", ":", "-.")[i // len(COLOURS)]
            places = sorted(values)
            heights = [values[k] for k in places]
            style = {"color": COLOURS[i], "marker": MARKERS[i], "linestyle": line}
            axis.plot(places, heights, label=name, markersize=5, **style)
        ticks = sorted({k for values in series.values() for k in values})
        axis.set_xscale("log")
        axis.set_xticks(ticks, [f"{k:,}" for k in ticks], fontsize=10)
        axis.minorticks_off()
        axis.set_xlabel("number of codes K")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axes[0, -1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return finish(figure)


def _nearest_on_grid(xs: Tensor, ys: Tensor, codes: Tensor) -> Tensor:
    """(rows, columns): number of the nearest code at each place of a grid."""
    plane = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)  # (rows, columns, 2)
    nearest = torch.cdist(plane.reshape(-1, 2), codes).argmin(1)
    return nearest.view(len(ys), len(xs))


def _owners(points: Tensor, codes: Tensor):
    """Pairs of a code's number and the points (n, 2) in its cell."""
    nearest = torch.cdist(points, codes).argmin(1)
    return [(j, points[nearest == j]) for j in range(len(codes))]
