"""Clips on paper. The function returns the matplotlib ``Figure``."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from .images import rows
from .style import ORANGE, finish


def filmstrip(clips: dict[str, Tensor], given: int = 0, scale: float = 0.85) -> Figure:
    """One labelled row for each clip, time to the right, the frames numbered on top.

    Args:
        clips: name and (C, T, H, W) in [-1, 1]; the same T for all.
        given: after so many frames stands a dashed line, and above its two sides "given" and
            "continued"; 0 for neither.
        scale: width of a frame in inches.
    """
    strips = {name: clip.movedim(1, 0) for name, clip in clips.items()}
    frames = len(next(iter(strips.values())))
    figure = rows(strips, columns=frames, scale=scale)
    for i, axis in enumerate(figure.axes[:frames]):
        if not given:
            axis.set_title(f"{i + 1}", fontsize=10)
        else:
            axis.set_title(f"{'given' if i < given else 'continued'}\n{i + 1}", fontsize=10)
    finish(figure, pad=0.3)
    if given:
        left, right = (figure.axes[i].get_position() for i in (given - 1, given))
        x, bottom = (left.x1 + right.x0) / 2, figure.axes[-1].get_position().y0
        style = {"color": ORANGE, "linestyle": "--", "transform": figure.transFigure}
        figure.add_artist(Line2D([x, x], [bottom, 1], **style))
    return figure
