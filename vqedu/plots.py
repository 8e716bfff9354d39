"""Every figure of the course. A chapter draws one in a line; the style lives here.

All functions return the matplotlib ``Figure``. Images are (B, C, H, W) tensors in [-1, 1].
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from matplotlib.figure import Figure
from torch import Tensor

from .data import to_unit
from .metrics import CodeUsage

# Okabe and Ito's palette: told apart by readers with any colour vision, and in grey print.
BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6B6B6B"
COLOURS = (BLUE, ORANGE, GREEN, PINK, GREY)
STYLE = {
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "figure.dpi": 110,
    "font.size": 11,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "savefig.bbox": "tight",
}


def use_style() -> None:
    """Set the course's look for the figures of a notebook."""
    plt.rcParams.update(STYLE)


def as_picture(image: Tensor) -> np.ndarray:
    """One (C, H, W) image in [-1, 1] -> what ``imshow`` takes: (H, W) or (H, W, 3) in [0, 1]."""
    picture = to_unit(image.detach().float().cpu()).permute(1, 2, 0).numpy()
    return picture[..., 0] if picture.shape[2] == 1 else picture


def _finish(figure: Figure, pad: float = 1.08) -> Figure:
    """Lay out, and close: a notebook shows what a cell returns, and would show it twice."""
    figure.tight_layout(pad=pad)
    plt.close(figure)
    return figure


def _show(axis, image: Tensor, title: str = "") -> None:
    axis.imshow(as_picture(image), cmap="gray", vmin=0, vmax=1)
    axis.set_title(title, fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def images(batch: Tensor, titles=None, columns: int = 10, scale: float = 0.9) -> Figure:
    """A sheet of images, each with its title if there are any."""
    rows = -(-len(batch) // columns)
    extra = 0.25 if titles is not None else 0.0
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * scale, rows * (scale + extra)), squeeze=False
    )
    for i, axis in enumerate(axes.flat):
        if i < len(batch):
            _show(axis, batch[i], titles[i] if titles is not None else "")
        else:
            axis.axis("off")
    return _finish(figure, pad=0.3)


def rows(named: dict[str, Tensor], columns: int = 10, scale: float = 0.8) -> Figure:
    """One labelled row for each entry: ``rows({"image": x, "reconstruction": x_hat})``."""
    figure, axes = plt.subplots(
        len(named), columns, figsize=(columns * scale + 1.6, len(named) * scale), squeeze=False
    )
    for line, (name, batch) in zip(axes, named.items(), strict=True):
        for i, axis in enumerate(line):
            if i < len(batch):
                _show(axis, batch[i])
            else:
                axis.axis("off")
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=13, labelpad=8)
    return _finish(figure, pad=0.3)


LABELS = {
    "psnr": "PSNR [dB]",
    "codes_used": "share of codes in use",
    "reconstruction": "squared error / variance",
    "commitment": "distance to the code, squared",
    "bits_per_token": "bits per token",
}


def curves(named: dict, names: tuple[str, ...], smooth: int = 20) -> Figure:
    """The named terms of one or several histories, one panel a term: ``{"EMA": history}``.

    Lines are running means over ``smooth`` steps.
    """
    figure, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for label, history in named.items():
            values = np.asarray(history[name])
            window = max(1, min(smooth, len(values) // 4))
            mean = np.convolve(values, np.ones(window) / window, "valid")
            axis.plot(np.asarray(history["step"])[window - 1 :], mean, label=label)
        axis.set_xlabel("step")
        axis.set_title(LABELS.get(name, name.replace("_", " ")))
        if name == "codes_used":
            axis.set_ylim(0, 1.05)
        if len(named) > 1:
            axis.legend(fontsize=9)
    return _finish(figure)


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
    axes[0, 0].legend(fontsize=9)
    return _finish(figure)


def tokens(image: Tensor, indices: Tensor, reconstruction: Tensor) -> Figure:
    """One image, its grid of indices written out, and the image decoded from them.

    Args: (C, H, W), (h, w) and (C, H, W).
    """
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.6))
    _show(axes[0], image, "image")
    h, w = indices.shape
    axes[1].imshow(np.zeros((h, w)), cmap="Greys", vmin=0, vmax=1)
    for i in range(h):
        for j in range(w):
            axes[1].text(j, i, int(indices[i, j]), ha="center", va="center", fontsize=9)
    axes[1].set_xticks(np.arange(w + 1) - 0.5, labels=[])
    axes[1].set_yticks(np.arange(h + 1) - 0.5, labels=[])
    axes[1].tick_params(length=0)
    axes[1].grid(color=GREY, linewidth=0.8)
    axes[1].spines[:].set_visible(False)
    axes[1].set_title(f"its {h}×{w} tokens", fontsize=10)
    _show(axes[2], reconstruction, "decoded from the tokens")
    return _finish(figure)


def line(points: dict, xlabel: str, ylabel: str, mark: dict | None = None) -> Figure:
    """One line through {x: y}; ``mark`` {x: text} names some of its points."""
    figure, axis = plt.subplots(figsize=(5.5, 3.2))
    axis.plot(list(points), list(points.values()), marker="o")
    for x, text in (mark or {}).items():
        axis.annotate(text, (x, points[x]), (-8, 4), textcoords="offset points", ha="right")
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.grid(alpha=0.3)
    return _finish(figure)


def straight_through(z_e: Tensor, codes: Tensor, gradient: Tensor) -> Figure:
    """The straight-through estimator in two dimensions.

    Args:
        z_e: (N, 2) encoder outputs.
        codes: (K, 2); the plane is tinted by the nearest one.
        gradient: (N, 2), descent directions at each chosen code, drawn there and, copied, at z_e.
    """
    figure, axis = plt.subplots(figsize=(5.5, 4.2))
    side = torch.linspace(-1.6, 1.6, 300)
    plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    cells = torch.cdist(plane, codes).argmin(1).view(300, 300)
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
    return _finish(figure)


def spotlight(image: Tensor, mask: Tensor) -> Tensor:
    """Fade an image (C, H, W) to grey everywhere but where the (h, w) mask is true."""
    scale = image.shape[1] // mask.shape[0]
    light = mask.repeat_interleave(scale, 0).repeat_interleave(scale, 1)
    return torch.where(light, image, image * 0.3)


def heat(grids: dict[str, Tensor], label: str, mark: tuple[int, int, int] | None = None) -> Figure:
    """(H, W) maps of numbers side by side, one colour scale for all.

    Args:
        grids: title and map.
        label: of the colour bar.
        mark: (row, column, side) of a square to frame in each.
    """
    top = max(float(grid.max()) for grid in grids.values())
    figure, axes = plt.subplots(
        1, len(grids), figsize=(3.4 * len(grids) + 0.8, 3.2), squeeze=False, layout="constrained"
    )
    for axis, (title, grid) in zip(axes[0], grids.items(), strict=True):
        drawn = axis.imshow(grid.cpu().numpy(), cmap="viridis", vmin=0, vmax=top)
        axis.set_title(title)
        axis.set_xticks([])
        axis.set_yticks([])
        if mark:
            row, column, side = mark
            corner = (column - 0.5, row - 0.5)
            axis.add_patch(mpl.patches.Rectangle(corner, side, side, fill=False, ec="w", lw=2))
    figure.colorbar(drawn, ax=axes[0].tolist(), label=label, shrink=0.9)
    plt.close(figure)
    return figure


def bars(values: dict[str, float], ylabel: str, limit: tuple[float, str] | None = None) -> Figure:
    """One bar for each name, its value written on top; ``limit`` (y, text) as a dashed line."""
    figure, axis = plt.subplots(figsize=(1.6 * len(values) + 1, 3.2))
    drawn = axis.bar(list(values), list(values.values()), width=0.6, color=BLUE)
    axis.bar_label(drawn, fmt="%.2f", padding=2)
    if limit:
        axis.axhline(limit[0], color=ORANGE, linestyle="--")
        axis.text(1.01, limit[0], limit[1], color=ORANGE, transform=axis.get_yaxis_transform())
    axis.set_ylabel(ylabel)
    axis.margins(y=0.15)
    return _finish(figure)
