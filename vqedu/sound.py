"""From a sound to a picture of it and back: log-mel spectrograms, by librosa.

A spectrogram says how much power a short piece of sound has at each frequency. The mel scale packs
frequencies closer where the ear tells them apart less well, the logarithm does the same to power.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .data.sounds import RATE, package
from .errors import InputError

WINDOW, HOP, BANDS = 512, 128, 64  # the first two in samples
RANGE = 70.0  # dB between the quietest and the loudest that is told apart
TOP = 42.0  # dB: what a sine of amplitude 1 has in its band, as scaled here


def log_mel(waves: Tensor) -> Tensor:
    """(B, T) sound in [-1, 1] at 8,000 samples a second -> (B, 64, T/128) log-mel spectrogram.

    -1 is silence, or 70 dB below the loudest; 1 is a full-scale tone.

    Args:
        waves: float, T a multiple of 128.

    Raises:
        InputError: another shape or type.

    Introduced in ``chapters/08_applications``.
    """
    if waves.ndim != 2 or waves.shape[1] % HOP or 0 in waves.shape or not waves.is_floating_point():
        raise InputError(
            f"sound must be floating-point (B, T) with T a multiple of {HOP}; "
            f"got {waves.dtype} of shape {tuple(waves.shape)}"
        )
    window = torch.hann_window(WINDOW, device=waves.device)
    spectrum = torch.stft(
        waves, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True
    )
    power = spectrum.abs().square()[..., :-1]  # (B, 257, T/128)
    decibels = 10 * torch.log10(_filters().to(waves.device) @ power + 1e-10)
    return (1 + 2 * (decibels - TOP) / RANGE).clamp(-1, 1)


def to_wave(mel: Tensor, rounds: int = 32) -> Tensor:
    """A sound with this log-mel spectrogram: (B, 64, T/128) -> (B, T) on the CPU.

    A spectrogram does not keep the phase. Griffin and Lim's algorithm looks for one that fits: it
    goes back and forth between sound and spectrum, and each time puts the magnitudes right.

    Args:
        mel: as :func:`log_mel` gives it.
        rounds: how often it goes back and forth.

    Raises:
        InputError: another shape.
        DataError: librosa is not installed.

    Source: Griffin and Lim 1984, in librosa's faster variant.
    """
    if mel.ndim != 3 or mel.shape[1] != BANDS or 0 in mel.shape:
        raise InputError(f"a spectrogram must be (B, {BANDS}, frames); got {tuple(mel.shape)}")
    decibels = TOP + RANGE * (mel.detach().float().cpu().clamp(-1, 1) - 1) / 2
    power = torch.where(decibels > TOP - RANGE, 10 ** (decibels / 10), 0)
    magnitude = _spectrum(F.pad(power, (0, 1))).sqrt()  # log_mel left out the last frame
    waves = package("librosa").griffinlim(
        magnitude.numpy(),
        n_iter=rounds,
        hop_length=HOP,
        n_fft=WINDOW,
        pad_mode="constant",
        length=mel.shape[2] * HOP,
        random_state=0,
    )
    return torch.from_numpy(waves).float().clamp(-1, 1)


def _spectrum(power: Tensor, rounds: int = 20) -> Tensor:
    """Power in 64 bands (B, 64, n) -> at 257 frequencies, none negative, which gives about these
    bands: least squares by Lee and Seung's multiplicative updates. librosa's own solver is the same
    to the ear and takes a second for a word."""
    filters = _filters()
    back, both = filters.T @ power, filters.T @ filters
    spectrum = back
    for _ in range(rounds):
        spectrum = spectrum * back / (both @ spectrum + 1e-12)
    return spectrum


def frequencies() -> Tensor:
    """The middle of each of the 64 bands, in Hz: (64,)."""
    edges = package("librosa").mel_frequencies(n_mels=BANDS + 2, fmax=RATE / 2)
    return torch.from_numpy(edges[1:-1]).float()


@lru_cache
def _filters() -> Tensor:
    """Triangles over the 257 frequencies of the spectrum: (64, 257)."""
    return torch.from_numpy(
        package("librosa").filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, norm=None)
    )
