"""Sound as a picture."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ..sound import HOP, RATE, frequencies
from .style import finish

TICKS = (250, 500, 1000, 2000, 3500)  # Hz


def spectrograms(named: dict[str, Tensor], columns: int = 4) -> Figure:
    """Log-mel spectrograms side by side, on one scale: bright is loud.

    Args:
        named: title -> (64, T) as :func:`vqedu.sound.log_mel` gives it.
        columns: panels in a row.
    """
    columns = min(columns, len(named))
    lines = -(-len(named) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(2.4 * columns + 0.6, 2.6 * lines), squeeze=False, sharey=True
    )
    bands = np.interp(TICKS, frequencies().numpy(), np.arange(len(frequencies())))
    for axis, (name, mel) in zip(axes.flat, named.items(), strict=False):
        seconds = mel.shape[1] * HOP / RATE
        axis.imshow(
            mel.detach().float().cpu().numpy(),
            origin="lower",
            aspect="auto",
            vmin=-1,
            vmax=1,
            extent=(0, seconds, -0.5, mel.shape[0] - 0.5),
        )
        axis.set_title(name, fontsize=11)
        axis.set_xlabel("time [s]", fontsize=11)
        axis.set_yticks(bands, [str(tick) for tick in TICKS])
    for axis in axes[:, 0]:
        axis.set_ylabel("frequency [Hz]", fontsize=11)
    for axis in axes.flat[len(named) :]:
        axis.axis("off")
    return finish(figure)
