"""Log-mel spectrograms: what a tone looks like, and that it comes back."""

import math

import librosa
import numpy as np
import pytest
import torch

from vqedu import sound
from vqedu.data import load
from vqedu.errors import DataError, InputError


def tone(hertz, amplitude=1.0, samples=6144):
    return amplitude * torch.sin(2 * math.pi * hertz * torch.arange(samples) / 8000)[None]


def test_agrees_with_librosa():
    wave = load("digits", "test", limit=1).waves
    power = librosa.feature.melspectrogram(
        y=wave[0].numpy(), sr=8000, n_fft=512, hop_length=128, n_mels=64, norm=None
    )[:, :-1]
    expected = (1 + 2 * (librosa.power_to_db(power, amin=1e-10, top_db=None) - 42) / 70).clip(-1, 1)
    np.testing.assert_allclose(sound.log_mel(wave)[0], expected, atol=1e-4)


@pytest.mark.parametrize("hertz", [150, 440, 1000, 3000])
def test_a_tone_shines_in_its_own_band(hertz):
    mel = sound.log_mel(tone(hertz))
    assert mel.shape == (1, 64, 48)
    middle = mel[0, :, 24]
    nearest = (sound.frequencies() - hertz).abs().argmin()
    assert abs(middle.argmax() - nearest) <= 1


def test_the_scale_is_in_decibels():
    loud, soft = (sound.log_mel(tone(1000, a))[0, :, 24].max() for a in (0.5, 0.05))
    assert loud == pytest.approx(1 - 2 * 6 / sound.RANGE, abs=0.05)  # half the amplitude: -6 dB
    assert (loud - soft) * sound.RANGE / 2 == pytest.approx(20, abs=0.1)
    assert (sound.log_mel(torch.zeros(2, 512)) == -1).all()


@pytest.mark.parametrize("hertz", [440, 1000])
def test_a_tone_comes_back_with_its_frequency_and_loudness(hertz):
    wave = sound.to_wave(sound.log_mel(tone(hertz, 0.5)))
    assert wave.shape == (1, 6144)
    spectrum = torch.fft.rfft(wave[0]).abs()
    assert spectrum.argmax() * 8000 / 6144 == pytest.approx(hertz, abs=25)
    assert wave[0, 1000:5000].std() == pytest.approx(0.5 / math.sqrt(2), rel=0.2)


def test_a_word_looks_the_same_after_the_way_back():
    mel = sound.log_mel(load("digits", "test", limit=4).waves)
    again = sound.log_mel(sound.to_wave(mel))
    assert (again - mel).square().mean() / mel.var() < 0.03
    torch.testing.assert_close(sound.to_wave(mel), sound.to_wave(mel))  # draws by a fixed seed
    assert sound.to_wave(torch.full((1, 64, 8), -1.0)).abs().max() < 1e-3


def test_bands():
    found = sound.frequencies()
    assert found.shape == (64,)
    assert (found.diff() > 0).all()
    assert 0 < found[0] < 60
    assert 3700 < found[-1] < 4000


@pytest.mark.parametrize("bad", [torch.zeros(512), torch.zeros(1, 500), torch.zeros(0, 512)])
def test_bad_sounds(bad):
    with pytest.raises(InputError, match="sound must be floating-point"):
        sound.log_mel(bad)
    with pytest.raises(InputError, match="sound must be floating-point"):
        sound.log_mel(torch.zeros(1, 512, dtype=torch.int16))


@pytest.mark.parametrize("bad", [torch.zeros(64, 8), torch.zeros(1, 40, 8), torch.zeros(1, 64, 0)])
def test_bad_spectrograms(bad):
    with pytest.raises(InputError, match="a spectrogram must be"):
        sound.to_wave(bad)


def test_without_librosa(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "librosa", None)
    with pytest.raises(DataError, match=r"vqedu\[sound\]"):
        sound.to_wave(torch.zeros(1, 64, 8))
