"""Curves and bars: what was measured. Every function returns the matplotlib ``Figure``."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..metrics import CodeUsage
from .style import BLUE, GREY, ORANGE, finish

LABELS = {
    "psnr": "PSNR [dB]",
    "codes_used": "share of codes in use",
    "reconstruction": "squared error / variance",
    "commitment": "distance to the code, squared",
    "bits_per_token": "bits per token",
    "discriminator": "D's loss",
    "lambda": "λ",
}


def curves(named: dict, names: tuple[str, ...], smooth: int = 20) -> Figure:
    """The named terms of one or several histories, one panel a term: ``{"EMA": history}``.

    Lines are running means over ``smooth`` steps.
    """
    figure, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for i, (label, history) in enumerate(named.items()):
            values = np.asarray(history[name])
            window = max(1, min(smooth, len(values) // 4))
            mean = np.convolve(values, np.ones(window) / window, "valid")
            steps, line = np.asarray(history["step"])[window - 1 :], ("-", "--", "-.", ":")[i % 4]
            axis.plot(steps, mean, line, label=label)
        axis.set_xlabel("step")
        axis.set_title(LABELS.get(name, name.replace("_", " ")))
        if name == "codes_used":
            axis.set_ylim(0, 1.05)
        if len(named) > 1:
            axis.legend(fontsize=10)
    return finish(figure)


class LiveCurves:
    """Curves that grow while a cell trains: pass it to ``fit(..., on_step=LiveCurves(...))``.

    Args:
        names: which terms. every: steps between two drawings, each of which takes about 0.1 s.
    """

    def __init__(self, *names: str, every: int = 100):
        self.names, self.every, self.handle = names, every, None

    def __call__(self, step: int, history) -> None:
        if step % self.every:
            return
        figure = curves({"": history}, self.names)
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)


def usage(named: dict[str, CodeUsage], columns: int = 2) -> Figure:
    """How often each code is chosen, codes sorted by frequency; one panel for each entry."""
    columns = min(columns, len(named))
    lines = -(-len(named) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(4.5 * columns, 2.6 * lines), squeeze=False, sharey=True
    )
    for axis, (name, u) in zip(axes.flat, named.items(), strict=False):
        p = (u.counts.double() / u.counts.sum()).sort(descending=True).values.numpy()
        axis.bar(range(len(p)), p, width=1.0, color=BLUE)
        axis.axhline(1 / len(p), color=ORANGE, linestyle="--", label="all alike: 1/K")
        axis.set_yscale("log")
        axis.set_ylim(1e-5, 1)
        axis.set_xlim(-0.5, len(p) - 0.5)
        axis.set_title(f"{name}: {u.used:.0%} used, perplexity {u.perplexity:.0f}")
        axis.set_xlabel("code, most frequent first")
    for axis in axes[:, 0]:
        axis.set_ylabel("share of tokens")
    for axis in axes.flat[len(named) :]:
        axis.axis("off")
    axes[0, 0].legend(fontsize=10)
    return finish(figure)


def lines(
    series: dict[str, dict],
    xlabel: str,
    ylabel: str,
    *,
    log: str = "",
    limit: tuple[float, str] | None = None,
    mark: dict | None = None,
    points: bool = True,
) -> Figure:
    """One line for each name, through {x: y}; the legend is left out for a single one.

    Args:
        series: name and {x: y}.
        xlabel: of the axis, with the unit.
        ylabel: likewise.
        log: which axes are logarithmic: "x", "y" or "xy".
        limit: (y, text) of a dotted line across.
        mark: {x: text} names points of the first line.
        points: whether each point is drawn, or only the line.
    """
    figure, axis = plt.subplots(figsize=(6, 3.6))
    styles = ("-", "--", "-.", ":")
    for i, (name, values) in enumerate(series.items()):
        marker = "os^Dv"[i % 5] if points else None
        x, y = list(values), list(values.values())
        axis.plot(x, y, marker=marker, linestyle=styles[i % 4], label=name)
    first = next(iter(series.values()))
    for x, text in (mark or {}).items():
        axis.annotate(text, (x, first[x]), (-8, 4), textcoords="offset points", ha="right")
    if limit:
        axis.axhline(limit[0], color=GREY, linestyle=":", zorder=0)
        axis.text(1.01, limit[0], limit[1], color=GREY, transform=axis.get_yaxis_transform())
    axis.set_xscale("log" if "x" in log else "linear")
    axis.set_yscale("log" if "y" in log else "linear")
    if "x" not in log and all(float(x).is_integer() for values in series.values() for x in values):
        axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.grid(alpha=0.3)
    if len(series) > 1:
        axis.legend()
    return finish(figure)


def bars(
    values: dict[str, float],
    ylabel: str,
    limit: tuple[float, str] | None = None,
    fmt: str = "%.2f",
) -> Figure:
    """One bar for each name, its value written on top; ``limit`` (y, text) as a dashed line."""
    return grouped_bars({name: {"": value} for name, value in values.items()}, ylabel, limit, fmt)


def grouped_bars(
    values: dict[str, dict[str, float]],
    ylabel: str,
    limit: tuple[float, str] | None = None,
    fmt: str = "%.2f",
) -> Figure:
    """Bars in groups, ``{"VAE": {"sharpness": 0.4, "coverage": 1.0}}``: the outer names stand
    below, the inner ones are told apart by colour."""
    inner = list(next(iter(values.values())))
    width = 0.6 if len(inner) == 1 else 0.8 / len(inner)
    side = max(1.6 if len(values) < 5 else 1.2, 0.9 * len(inner))  # a page shrinks what is wide
    figure, axis = plt.subplots(figsize=(side * len(values) + 1, 3.4))
    for i, name in enumerate(inner):
        x = np.arange(len(values)) + (i - (len(inner) - 1) / 2) * width
        drawn = axis.bar(x, [group[name] for group in values.values()], width, label=name)
        axis.bar_label(drawn, fmt=fmt, padding=2, fontsize=10)
    if limit:
        axis.axhline(limit[0], color=ORANGE, linestyle="--")
        axis.text(1.01, limit[0], limit[1], color=ORANGE, transform=axis.get_yaxis_transform())
    names = (
        values
        if len(values) < 5
        else [textwrap.fill(name, 12, break_long_words=False) for name in values]
    )
    axis.set_xticks(range(len(values)), list(names))
    axis.set_ylabel(ylabel)
    axis.margins(y=0.15)
    if len(inner) > 1:
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return finish(figure)
