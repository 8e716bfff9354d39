"""Sharpness, read off the power spectrum of an image's gradient.

The gradient, because the power of natural images falls with the square of the frequency
(Field 1987) and a difference undoes just that: all frequencies then weigh about alike.
"""

import math

import torch
from torch import Tensor

from ..errors import InputError


def gradient_spectrum(images: Tensor) -> Tensor:
    """Power of the images' gradient at each frequency, averaged over all directions.

    The gradient is that of neighbouring pixels, inside the image only; a Hann window fades it
    out towards the border, where it would jump as the Fourier transform continues it.

    Args:
        images: (N, C, H, W) in [-1, 1], H and W at least 3.

    Returns:
        (bins,) float64, bins = (min(H, W) - 1) // 2: the mean of |F(∂x)|² + |F(∂y)|² over images,
        channels and directions, in rings of equal width from 0 to 0.5 cycles a pixel. In units of
        the gradient's variance, so that values of two image sizes can be compared.

    Raises:
        InputError: other shapes.

    Used in ``chapters/01_background``.
    """
    power = gradient_power(images)
    frequency = _frequency(power.shape)
    bins = (min(images.shape[2:]) - 1) // 2
    ring = (frequency * 2 * bins).long().clamp(max=bins - 1)  # 0.5 itself is in the last one
    inside = frequency <= 0.5  # the corners beyond hold diagonals only
    total = torch.zeros(bins, dtype=power.dtype).index_add_(0, ring[inside], power[inside])
    size = ring[inside].bincount(minlength=bins)
    return total / size / (images.shape[0] * images.shape[1])


def sharpness(x_hat: Tensor, x: Tensor) -> float:
    """How much fine detail the reconstructions have, as a share of what the originals have.

    The gradient's power at the upper half of the frequencies, 0.25 to 0.5 cycles a pixel, summed
    over all images: reconstructions divided by originals. 1: as sharp; below: blurred; above:
    over-sharp, or noise. It does not tell right detail from wrong: read it beside a distance.

    Args:
        x_hat: reconstructions, (N, C, H, W), H and W at least 3.
        x: originals, of the same shape.

    Returns:
        at least 0; NaN where the originals have no such detail.

    Raises:
        InputError: other shapes.

    Used from ``chapters/01_background`` on.
    """
    if x_hat.shape != x.shape:
        raise InputError(
            "sharpness needs reconstructions and originals of one shape; "
            f"got {tuple(x_hat.shape)} and {tuple(x.shape)}"
        )
    meter = Sharpness()
    meter.update(x_hat, x)
    return meter.compute()


class Sharpness:
    """Takes reconstructions and originals batch by batch: :func:`sharpness`."""

    def __init__(self):
        self.power_hat = self.power = 0

    def update(self, x_hat: Tensor, x: Tensor) -> None:
        self.power_hat = self.power_hat + gradient_power(x_hat)
        self.power = self.power + gradient_power(x)

    def compute(self) -> float:
        frequency = _frequency(self.power.shape)
        upper = (frequency >= 0.25) & (frequency <= 0.5)
        detail = self.power[upper].sum().item()
        return self.power_hat[upper].sum().item() / detail if detail > 0 else math.nan


def gradient_power(images: Tensor) -> Tensor:
    """|F(∂x)|² + |F(∂y)|², summed over images and channels: (N, C, H, W) -> (H-1, W-1) float64
    on the CPU. Sums of several batches add up."""
    if images.ndim != 4 or min(images.shape) < 1 or min(images.shape[2:]) < 3:
        raise InputError(
            f"the gradient's spectrum needs images (N, C, H, W) of 3×3 or more; "
            f"got {tuple(images.shape)}"
        )
    images = images.detach().cpu().double()
    down = images[..., 1:, :-1] - images[..., :-1, :-1]
    right = images[..., :-1, 1:] - images[..., :-1, :-1]
    window = torch.outer(*(_hann(n - 1) for n in images.shape[2:]))
    window = window / window.square().sum().sqrt()  # white noise keeps its variance
    spectra = torch.fft.fft2(torch.stack((down, right)) * window)
    return spectra.abs().square().sum((0, 1, 2))


def _hann(n: int) -> Tensor:
    """A Hann window sampled between its zeros, so that it is one even for n of 1 or 2."""
    return torch.sin(math.pi * (torch.arange(n, dtype=torch.float64) + 0.5) / n).square()


def _frequency(size: tuple[int, int]) -> Tensor:
    """The frequency, in cycles a pixel, of each entry of a :func:`gradient_power` of this size."""
    v, u = (torch.fft.fftfreq(n, dtype=torch.float64) for n in size)
    return torch.hypot(v[:, None], u)
