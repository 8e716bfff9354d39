"""What a patch discriminator sees. The function returns the matplotlib ``Figure``."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import ORANGE, finish, show


def fields(
    image: Tensor, gradients: dict[str, Tensor], boxes: dict[str, tuple[int, int, int]]
) -> Figure:
    """Receptive fields on one image, a panel each: the image is faded where a gradient is zero.

    Args:
        image: (C, H, W) in [-1, 1].
        gradients: title and (C, H, W), of one answer with respect to the image.
        boxes: for each title (row, column, side) in pixels of a frame, as worked out otherwise;
            where both agree, it surrounds what is not faded. A frame may reach over the border.
    """
    figure, axes = plt.subplots(
        1, len(gradients), figsize=(3.2 * len(gradients), 3.5), squeeze=False
    )
    for axis, (title, gradient) in zip(axes[0], gradients.items(), strict=True):
        seen = gradient.abs().sum(0) > 0  # (H, W)
        show(axis, torch.where(seen, image, 0.6 + 0.25 * image), title)
        axis.title.set_fontsize(12)
        row, column, side = boxes[title]
        frame = {"fill": False, "ec": ORANGE, "lw": 2}
        corner = (column - 0.5, row - 0.5)
        axis.add_patch(mpl.patches.Rectangle(corner, side, side, **frame))
    return finish(figure)
