"""Which idea came when. The function returns the matplotlib ``Figure``."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import COLOURS, finish

MARKERS = "os^DvXP*"


def timeline(groups: dict[str, dict[str, int]], since: int) -> Figure:
    """A line for each idea, the earliest on top, and on it a mark at its year with its name.

    Args:
        groups: topic and its ideas with their years, ``{"priors": {"PixelCNN": 2016}}``; the
            legend tells topics apart by marker and colour.
        since: year at which the axis begins; older ideas stand to the left of it, with their year.
    """
    events = [(year, name, t) for t, g in enumerate(groups.values()) for name, year in g.items()]
    events.sort(key=lambda event: event[0])
    last = events[-1][0]
    figure, axis = plt.subplots(figsize=(8, 0.27 * len(events) + 1.4))
    for row, (year, name, _) in enumerate(events):
        at = max(year, since - 2)
        left = at < (since + last) / 2  # where there is more room for the name
        text = name if year >= since else f"{name} ({year})"
        offset, side = (9, "left") if left else (-9, "right")
        axis.annotate(
            text, (at, row), (offset, 0), textcoords="offset points", ha=side, va="center",
            fontsize=10.5,
        )  # fmt: skip
    for t, topic in enumerate(groups):
        spots = [(max(y, since - 2), row) for row, (y, _, of) in enumerate(events) if of == t]
        marker, colour = MARKERS[t % len(MARKERS)], COLOURS[t % len(COLOURS)]
        axis.plot(*zip(*spots, strict=True), marker, color=colour, markersize=8, label=topic)
    axis.set_ylim(len(events) - 0.4, -0.6)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    years = range(since, last + 1, max(1, (last - since) // 6))
    axis.set_xticks([since - 2, *years], ["earlier", *years])
    axis.set_xlim(since - 2.5, last + 0.5)
    axis.set_xlabel("year of publication")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3)
    return finish(figure)
