"""Sharpness against filters whose effect on each frequency is known."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vqedu.errors import InputError
from vqedu.metrics import gradient_spectrum, sharpness


@pytest.fixture(scope="module")
def noise():
    """White, of variance 0.04."""
    return 0.2 * torch.randn(12, 1, 161, 137, generator=torch.Generator().manual_seed(0))


def filtered(x, taps):
    """Along both sides; only where all taps lie inside."""
    kernel = torch.outer(taps, taps)[None, None]
    return F.conv2d(x, kernel)


def middle_of(x, taps):
    cut = len(taps) // 2
    return x[..., cut:-cut, cut:-cut]


def share_left(taps, low=0.25, high=0.5):
    """By numerical integration over the ring of frequencies: white noise's gradient has the power
    4 sin²(πu) + 4 sin²(πv), and the filter multiplies it by its response squared."""
    u, v = np.meshgrid(*2 * [(np.arange(600) + 0.5) / 600 - 0.5])
    ring = (np.hypot(u, v) >= low) & (np.hypot(u, v) < high)
    gradient = 4 * np.sin(np.pi * u) ** 2 + 4 * np.sin(np.pi * v) ** 2
    offsets = np.arange(len(taps)) - len(taps) // 2

    def response(f):
        return sum(
            t * np.cos(2 * np.pi * f * k) for t, k in zip(taps.tolist(), offsets, strict=True)
        )

    gain = (response(u) * response(v)) ** 2
    return (gradient * gain)[ring].sum() / gradient[ring].sum()


def gaussian(sigma):
    taps = torch.exp(-(torch.arange(-4.0, 5) ** 2) / (2 * sigma**2))
    return taps / taps.sum()


@pytest.mark.parametrize(
    "taps",
    [torch.tensor([0.25, 0.5, 0.25]), torch.ones(3) / 3, gaussian(0.6), gaussian(1.0)],
    ids=["binomial", "box", "gaussian 0.6", "gaussian 1"],
)
def test_known_blur(noise, taps):
    expected = share_left(taps)
    assert 0.0005 < expected < 0.3
    assert sharpness(filtered(noise, taps), middle_of(noise, taps)) == pytest.approx(
        expected, rel=0.03
    )


def test_sharpening_and_noise(noise):
    taps = torch.tensor([-0.25, 1.5, -0.25])
    expected = share_left(taps)
    assert expected > 2
    assert sharpness(filtered(noise, taps), middle_of(noise, taps)) == pytest.approx(
        expected, rel=0.03
    )
    more = noise + 0.1 * torch.randn(noise.shape, generator=torch.Generator().manual_seed(1))
    assert sharpness(more, noise) == pytest.approx(1.25, rel=0.03)  # variances 0.05 and 0.04


def test_scale(noise):
    assert sharpness(noise, noise) == 1
    assert sharpness(-noise / 2, noise) == pytest.approx(0.25)
    assert sharpness(noise + 0.3, noise) == pytest.approx(1, rel=1e-4)  # brightness is none of it
    assert sharpness(torch.zeros_like(noise), noise) == 0


def test_images_weigh_by_their_detail(noise):
    """Sums over the whole set are divided, not image by image."""
    x = torch.cat((noise, noise / 10))
    x_hat = torch.cat((noise, torch.zeros_like(noise)))
    assert sharpness(x_hat, x) == pytest.approx(1 / 1.01)


def test_low_frequencies_are_none_of_it(noise):
    """A wave of 10 pixels' length, however strong, is not detail."""
    wave = torch.sin(2 * math.pi * torch.arange(137) / 10).expand_as(noise)
    assert sharpness(noise + wave, noise) == pytest.approx(1, rel=0.02)


def test_spectrum_of_white_noise(noise):
    bins = gradient_spectrum(noise)
    assert bins.shape == (68,)
    assert bins.dtype == torch.float64
    f = (torch.arange(68) + 0.5) / 136
    # 4 sin²(πu) + 4 sin²(πv), averaged over directions, is 4 (1 - J0(2πf))
    expected = 0.04 * 4 * (1 - torch.special.bessel_j0(2 * math.pi * f))
    one, two = (values.float().view(17, 4).mean(1)[2:] for values in (bins, expected))
    torch.testing.assert_close(one, two, rtol=0.05, atol=0)
    assert bins.mean().item() == pytest.approx(expected.mean().item(), rel=0.02)


@pytest.mark.parametrize("cycles", [5, 12, 20])
def test_spectrum_of_a_wave(cycles):
    wave = torch.cos(2 * math.pi * cycles * torch.arange(49.0) / 48)
    for x in (wave.expand(49, 49), wave[:, None].expand(49, 49)):
        bins = gradient_spectrum(x[None, None])
        assert bins.argmax() == cycles  # 24 bins up to 24 cycles in 48 pixels
        assert bins[cycles - 1 : cycles + 2].sum() > 0.99 * bins.sum()


def test_one_by_hand():
    """The formula, written out for a small image of two channels."""
    x = torch.rand(1, 2, 5, 7, generator=torch.Generator().manual_seed(0)).double().numpy() * 2 - 1
    window = np.outer(*(np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in (4, 6)))
    total, count = np.zeros(2), np.zeros(2)
    for channel in x[0]:
        for g in (np.diff(channel, axis=0)[:, :-1], np.diff(channel, axis=1)[:-1]):
            for p in range(-2, 2):
                for q in range(-3, 3):
                    f = math.hypot(p / 4, q / 6)
                    if f > 0.5:
                        continue
                    ring = min(int(f / 0.25), 1)
                    phase = p * np.arange(4)[:, None] / 4 + q * np.arange(6) / 6
                    power = abs((g * window * np.exp(-2j * np.pi * phase)).sum()) ** 2
                    total[ring] += power / (window**2).sum()
                    count[ring] += 1 / 2  # both gradients belong to one frequency
    bins = gradient_spectrum(torch.from_numpy(x).float())
    np.testing.assert_allclose(bins.numpy(), total / count, rtol=1e-5)
    # over channels the mean is taken, as over images
    twice = torch.from_numpy(x).float().repeat(3, 1, 1, 1)
    torch.testing.assert_close(gradient_spectrum(twice), bins)


def test_no_detail_at_all():
    flat = torch.full((2, 1, 8, 8), 0.5)
    assert math.isnan(sharpness(flat, flat))


def test_smallest_images():
    x = torch.rand(2, 1, 3, 3)
    assert sharpness(x, x) == 1
    assert gradient_spectrum(x).shape == (1,)
    assert torch.isfinite(gradient_spectrum(x)).all()


@pytest.mark.parametrize("shape", [(1, 2, 9), (1, 9, 9), (0, 1, 9, 9), (1, 1, 9, 2)])
def test_bad_shapes(shape):
    x = torch.zeros(shape)
    with pytest.raises(InputError, match="3×3 or more"):
        gradient_spectrum(x)
    with pytest.raises(InputError, match="3×3 or more"):
        sharpness(x, x)


def test_shapes_that_differ():
    with pytest.raises(InputError, match=r"of one shape; got \(1, 1, 9, 9\) and \(2, 1, 9, 9\)"):
        sharpness(torch.zeros(1, 1, 9, 9), torch.zeros(2, 1, 9, 9))
