"""Spoken words: ``"digits"`` ships inside the package, ``"sounds"`` is the reader's own folder."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch.utils.data import Dataset

from ..errors import DataError
from .folder import split_of
from .pictures import pick

SHIPPED = Path(__file__).parent.parent / "assets" / "digits"
RATE = 8_000  # samples a second, everywhere in the course
STEP = 512  # clips are as long as a multiple of it: four frames of a spectrogram, one token
LONGEST = 5.0  # seconds of one word
SUFFIXES = (".flac", ".ogg", ".wav")


@dataclass(frozen=True, eq=False, repr=False)
class SoundSet(Dataset):
    """Labelled sounds of one length, with who speaks, held in memory.

    Introduced in ``chapters/08_applications``. As a ``torch.utils.data.Dataset`` it yields
    (wave, label, speaker) with wave float32 (T,).

    Args:
        waves: float32 (N, T) in [-1, 1], N at least 1; zeros after the end of a sound.
        lengths: int64 (N,), samples until that end, each from 1 to T.
        labels: int64 (N,), what is said, each from 0 to ``len(classes) - 1``.
        classes: the names of what is said.
        speakers: int64 (N,), who speaks, each from 0 to ``len(voices) - 1``.
        voices: the names of the speakers.
        rate: samples a second.
        name: the data set's name, as given to ``load``.
        split: ``"train"`` or ``"test"``.

    Raises:
        DataError: when the fields do not fit together.
    """

    waves: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    speakers: torch.Tensor
    voices: tuple[str, ...]
    rate: int
    name: str
    split: str

    def __post_init__(self):
        waves, shape = self.waves, tuple(self.waves.shape)
        if waves.dtype != torch.float32 or waves.ndim != 2 or 0 in shape:
            raise DataError(
                f"{self.name}: waves must be float32 of shape (N, T) with N at least 1, "
                f"not {waves.dtype} of shape {shape}"
            )
        if not waves.abs().max() <= 1:  # NaN as well
            raise DataError(f"{self.name}: waves must lie in [-1, 1]")
        for what, low, high in (
            ("lengths", 1, shape[1]),
            ("labels", 0, len(self.classes) - 1),
            ("speakers", 0, len(self.voices) - 1),
        ):
            values = getattr(self, what)
            if values.dtype != torch.int64 or tuple(values.shape) != shape[:1]:
                raise DataError(
                    f"{self.name}: {what} must be int64 of shape ({shape[0]},), one for each "
                    f"sound, not {values.dtype} of shape {tuple(values.shape)}"
                )
            if values.min() < low or values.max() > high:
                raise DataError(
                    f"{self.name}: {what} run from {values.min()} to {values.max()}, "
                    f"where {low} to {high} are allowed"
                )

    def __len__(self) -> int:
        return len(self.waves)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int, int]:
        return self.waves[index], int(self.labels[index]), int(self.speakers[index])

    def __repr__(self) -> str:
        n, samples = self.waves.shape
        return (
            f"SoundSet({self.name!r}, {self.split!r}: {n:,} sounds of {samples / self.rate:.2f} s "
            f"at {self.rate:,} Hz, {len(self.classes)} words, "
            f"{len(self.speakers.unique())} of {len(self.voices)} voices)"
        )

    def subset(self, which: Sequence[int] | torch.Tensor) -> "SoundSet":
        """A smaller set with the same classes and voices.

        Args:
            which: the positions to take, or a mask of N truth values.

        Raises:
            DataError: when none is left, or a position lies outside.
        """
        which = torch.as_tensor(which)
        if which.dtype == torch.bool and tuple(which.shape) == (len(self),):
            which = which.nonzero().flatten()
        if which.dtype != torch.int64 or which.ndim != 1 or len(which) == 0:
            raise DataError(f"{self.name}: positions must be a list of at least one whole number")
        if which.min() < 0 or which.max() >= len(self):
            raise DataError(
                f"{self.name}: positions run from 0 to {len(self) - 1}, "
                f"not from {which.min()} to {which.max()}"
            )
        fields = ("waves", "lengths", "labels", "speakers")
        return replace(self, **{field: getattr(self, field)[which] for field in fields})


def load_digits(split, size, root, limit, seed) -> SoundSet:
    """``"digits"``: ten words by synthetic voices, checked against the manifest.

    Eight voices are in both splits, in other renderings; two more in the test only.
    ``tools/make_digits.py`` made them.
    """
    if root is not None:
        raise DataError("'digits' ships inside the package: leave root out (or 'sounds')")
    _no_size("digits", size)
    path = SHIPPED / f"{split}.flac"
    try:
        manifest = json.loads((SHIPPED / "manifest.json").read_text("utf-8"))
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); install vqedu again") from error
    if hashlib.sha256(data).hexdigest() != manifest["files"][path.name]["sha256"]:
        raise DataError(f"{path}: altered; install vqedu again, or restore the file")
    sounds, _ = package("soundfile").read(io.BytesIO(data), dtype="float32")
    clips, voices = manifest["clips"][split], list(manifest["voices"])
    parts = np.split(sounds, np.cumsum(clips["samples"])[:-1])
    chosen = pick(len(parts), limit, seed, f"'digits', split {split!r},")
    return _sound_set(
        [parts[i] for i in chosen],
        [clips["label"][i] for i in chosen],
        [voices.index(clips["voice"][i]) for i in chosen],
        {"classes": tuple(manifest["words"]), "voices": tuple(voices)},
        {"name": "digits", "split": split},
        longest=max(max(c["samples"]) for c in manifest["clips"].values()),
    )


def load_sounds(split, size, root, limit, seed) -> SoundSet:
    """``"sounds"``: every sound file below ``root``, named ``label_speaker_number.wav``.

    So ``7_jackson_32.wav`` is a seven, said by jackson (the rule of the Free Spoken Digit Dataset).
    Files of another rate are resampled to 8,000 a second, several channels become one. All clips
    get the length of the longest, at most 5 s. One in ten is for testing, as in ``"folder"``.
    """
    if root is None:
        raise DataError("'sounds' needs the folder with your files: load('sounds', root=…)")
    _no_size("sounds", size)
    root = Path(root).expanduser()
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise DataError(f"{root}: no files that end in {' '.join(SUFFIXES)} in this folder")
    named = {path: _label_and_speaker(path) for path in paths}
    longest = max(map(_samples, paths))
    mine = [path for path in paths if split_of(path.relative_to(root)) == split]
    if not mine:
        raise DataError(f"{root}: none of its {len(paths)} files fell into the split {split!r}")
    mine = [mine[i] for i in pick(len(mine), limit, seed, f"{root}, split {split!r},")]
    classes, voices = (tuple(sorted({name[i] for name in named.values()})) for i in (0, 1))
    return _sound_set(
        [_read(path) for path in mine],
        [classes.index(named[path][0]) for path in mine],
        [voices.index(named[path][1]) for path in mine],
        {"classes": classes, "voices": voices},
        {"name": "sounds", "split": split},
        longest=longest,
    )


def _sound_set(waves, labels, speakers, names, what, longest) -> SoundSet:
    whole = torch.zeros(len(waves), -(-longest // STEP) * STEP)
    for row, wave in zip(whole, waves, strict=True):
        row[: len(wave)] = torch.as_tensor(wave)
    return SoundSet(
        waves=whole,
        lengths=torch.tensor([len(wave) for wave in waves]),
        labels=torch.tensor(labels),
        speakers=torch.tensor(speakers),
        rate=RATE,
        **names,
        **what,
    )


def _label_and_speaker(path: Path) -> tuple[str, str]:
    parts = path.stem.split("_")
    if len(parts) != 3 or not all(parts):
        raise DataError(f"{path}: must be named label_speaker_number{path.suffix}; rename it")
    return parts[0], parts[1]


def _samples(path: Path) -> int:
    """How many samples a file has at RATE."""
    try:
        info = package("soundfile").info(path)
    except (OSError, RuntimeError) as error:  # libsndfile's own error is a RuntimeError
        raise DataError(f"{path}: cannot be read as sound; replace or remove it") from error
    if not 0 < info.duration <= LONGEST:
        raise DataError(
            f"{path}: {info.duration:.1f} s long, where one word of at most {LONGEST:.0f} s is "
            "wanted; cut it"
        )
    return -(-info.frames * RATE // info.samplerate)


def _read(path: Path) -> np.ndarray:
    """One file at RATE, float32 (samples,) in [-1, 1]; channels are averaged."""
    try:
        wave, rate = package("soundfile").read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read as sound; replace or remove it") from error
    wave = wave.mean(1)
    if rate != RATE:
        wave = package("librosa").resample(wave, orig_sr=rate, target_sr=RATE)
    return wave.clip(-1, 1)


def _no_size(name: str, size: int | None) -> None:
    if size is not None:
        raise DataError(f"{name!r} holds sounds, which have no size in pixels: leave size out")


def package(name: str) -> ModuleType:
    """``librosa`` or ``soundfile``, which not every installation has.

    Raises:
        DataError: says how to install them.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise DataError('sounds need two more packages: pip install "vqedu[sound]"') from error
