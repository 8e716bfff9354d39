"""Curves of what was derived: functions on a common grid. Returns the matplotlib ``Figure``."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from .charts import lines


def functions(
    x: Tensor | Sequence[float],
    values: dict[str, Tensor | Sequence[float]],
    xlabel: str,
    ylabel: str,
    *,
    points: bool = False,
    **options,
) -> Figure:
    """Several functions of one variable, each a line.

    Args:
        x: (N,), where they were evaluated; all different.
        values: name and (N,) values.
        xlabel: of the axis, with the unit.
        ylabel: likewise.
        points: whether each point is drawn, or only the line.
        options: ``log`` and ``limit`` of :func:`~vqedu.plots.lines`.
    """
    x = torch.as_tensor(x).tolist()
    series = {
        name: dict(zip(x, torch.as_tensor(y).detach().cpu().tolist(), strict=True))
        for name, y in values.items()
    }
    return lines(series, xlabel, ylabel, points=points, **options)
