"""What a training step consists of. The function returns the matplotlib ``Figure``."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import COLOURS, GREY, finish

NARROW = 0.04  # of the longest bar: too narrow for its share to be written on it
HATCHES = ("", "//", "..", "\\\\", "xx")  # told apart without colour as well


def stacked(named: dict[str, dict[str, float]], xlabel: str) -> Figure:
    """One lying bar for each name, made of its parts from left to right; the legend stands below.

    A part's share of its bar is written on it, or above it where there is no room.

    Args:
        named: bar and its parts, ``{"VQ-VAE": {"encoder": 1.0, "decoder": 1.5}}``, in a unit of
            your choice; bars may have different parts, and a part looks the same in each.
        xlabel: of the axis, with the unit.
    """
    parts = list(dict.fromkeys(part for bar in named.values() for part in bar))
    longest = max(sum(bar.values()) for bar in named.values())
    figure, axis = plt.subplots(figsize=(8, 0.8 * len(named) + 1.9))
    for i, part in enumerate(parts):
        colour, hatch = COLOURS[i % len(COLOURS)], HATCHES[(i + i // len(COLOURS)) % len(HATCHES)]
        label = part
        for row, bar in enumerate(named.values()):
            width = bar.get(part, 0.0)
            if not width:
                continue
            start = sum(bar.get(earlier, 0.0) for earlier in parts[:i])
            style = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "label": label}
            axis.barh(row, width, 0.6, left=start, **style)
            label = None  # once in the legend
            x, share = start + width / 2, f"{width / sum(bar.values()):.0%}"
            style = {"fontsize": 10, "ha": "center"}
            if width >= NARROW * longest:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                axis.text(x, row, share, va="center", bbox=box, **style)
            else:
                axis.text(x, row - 0.33, share, va="bottom", **style)  # the axis points down
    axis.set_yticks(range(len(named)), list(named))
    axis.invert_yaxis()
    axis.set_xlabel(xlabel)
    axis.grid(axis="x", alpha=0.3, color=GREY)
    axis.set_axisbelow(True)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=4)
    return finish(figure)
