"""Runs beside each other: a table, dots for the seeds, the plane of distortion and perception."""

import html
import io
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from PIL import Image
from torch import Tensor

from ..results import interval
from .style import COLOURS, GREY, as_picture, finish

MARKERS = "os^Dv"  # one for each colour: told apart without it


def stated(values: list[float]) -> str:
    """The mean of the seeds, and half of its 95 % interval where there are two or more, with the
    digits that this leaves: ``"21.75 ± 0.12"``."""
    if len(values) < 2:
        return f"{values[0]:.4g}" if values else "–"
    middle, half = interval(values)
    digits = max(0, 1 - math.floor(math.log10(half))) if half else 0 if middle > 9 else 2
    return f"{middle:.{digits}f} ± {half:.{digits}f}"


def table(rows: dict[str, dict[str, str | list[float]]], corner: str = "") -> HTML:
    """A table, one line for each entry: ``{"VQ-VAE": {"PSNR [dB]": [21.0, 21.2, 21.1]}}``.

    Args:
        rows: line and its cells, text or the values of the seeds (see :func:`stated`); the columns
            are all that occur, in that order, and where a line lacks one a dash stands.
        corner: what the lines are.
    """
    columns = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in (corner, *columns))
    lines = []
    for name, cells in rows.items():
        found = [cells.get(column, "–") for column in columns]
        texts = [cell if isinstance(cell, str) else stated(cell) for cell in found]
        body = "".join(f"<td>{html.escape(text)}</td>" for text in texts)
        lines.append(f'<tr><th scope="row">{html.escape(name)}</th>{body}</tr>')
    return HTML(
        '<div style="overflow-x:auto"><table class="table">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def dots(
    measures: dict[str, dict[str, list[float]]],
    columns: int = 2,
    limits: dict[str, tuple[float, str]] | None = None,
) -> Figure:
    """A panel for each measure, and in it a line for each name: a dot for each seed and, from two
    seeds on, a bar for the 95 % interval of their mean (:func:`vqedu.results.interval`).

    Args:
        measures: title and, for each name, the values of its seeds, at least one; the same names
            in the same order in each panel.
        columns: of panels.
        limits: title and (x, text) of a dotted line across its panel.
    """
    names = list(next(iter(measures.values())))
    columns = min(columns, len(measures))
    lines = -(-len(measures) // columns)
    size = (2.9 * columns + 1.4, lines * (0.34 * len(names) + 1.1))
    figure, axes = plt.subplots(lines, columns, figsize=size, squeeze=False, sharey=True)
    for axis, (title, values) in zip(axes.flat, measures.items(), strict=False):
        for row, name in enumerate(names):
            i = row % len(COLOURS) if len(names) <= len(COLOURS) else 0
            if len(values[name]) > 1:
                middle, half = interval(values[name])
                ends = [middle - half, middle + half]
                axis.plot(ends, [row, row], color=COLOURS[i], linewidth=6, alpha=0.35)
            rows = [row] * len(values[name])
            axis.plot(values[name], rows, MARKERS[i], color=COLOURS[i], markersize=5)
        if title in (limits or {}):
            x, text = limits[title]
            axis.axvline(x, color=GREY, linestyle=":")
            axis.text(x, -0.55, text, color=GREY, ha="center", va="bottom", fontsize=10)
        axis.set_xlabel(title)
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)  # the first name on top
    for axis in axes.flat[len(measures) :]:
        axis.axis("off")
    return finish(figure)


def plane(
    panels: dict[str, dict[str, list[tuple[float, float]]]],
    xlabel: str,
    ylabel: str,
    path: tuple[str, ...] = (),
) -> Figure:
    """Points by name, each with its colour and marker: ``{"clothes": {"VQGAN": [(20.1, 3.9)]}}``.

    Args:
        panels: title and, for each name, its points (x, y), one for each run; the y axis is
            logarithmic. A name that has points in one panel only still looks the same in each.
        xlabel: of all panels, with the unit.
        ylabel: likewise.
        path: names whose means a thin line joins, in this order.
    """
    names = list(dict.fromkeys(name for groups in panels.values() for name in groups))
    size = (4.4 * len(panels) + 0.6, 4.2)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False)
    shown = {}
    for axis, (title, groups) in zip(axes[0], panels.items(), strict=True):
        way = [torch.tensor(groups[name]).mean(0).tolist() for name in path if groups.get(name)]
        if way:
            axis.plot(*zip(*way, strict=True), color=GREY, linewidth=1, zorder=0)
        for i, name in enumerate(names):
            if groups.get(name):
                colour, marker = COLOURS[i % len(COLOURS)], (MARKERS + "x+*")[i % 8]
                x, y = zip(*groups[name], strict=True)
                (shown[name],) = axis.plot(x, y, marker, color=colour, alpha=0.8)
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5), numticks=12))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_title(title)
        axis.set_xlabel(xlabel)
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel(ylabel)
    keys = [shown[name] for name in names if name in shown]
    labels = [name for name in names if name in shown]
    columns = len(keys) if len(keys) <= 4 else 3
    options = {"loc": "upper center", "ncols": columns, "bbox_to_anchor": (0.5, 0.0)}
    figure.legend(keys, labels, **options)
    return finish(figure)


def as_png(batch: Tensor, zoom: int = 4) -> bytes:
    """A row of images (B, C, H, W), a white line of one pixel between two, as a PNG file whose
    pixels are ``zoom`` wide: a frame for :func:`vqedu.widgets.frames`."""
    line = torch.ones_like(batch[0][..., :1])
    strip = torch.cat([part for image in batch for part in (line, image)][1:], dim=-1)
    picture = Image.fromarray((as_picture(strip) * 255).round().astype("uint8"))
    picture = picture.resize((picture.width * zoom, picture.height * zoom), Image.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return buffer.getvalue()
