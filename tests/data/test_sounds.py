import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from vqedu.data import DataError, SoundSet, load, sounds


@pytest.fixture(scope="module")
def digits():
    return {split: load("digits", split) for split in ("train", "test")}


@pytest.fixture
def folder(tmp_path):
    """60 tones, two words and three speakers, at 16 kHz in stereo; the last is the longest."""
    for i in range(60):
        seconds = 0.2 if i < 59 else 0.3
        t = np.arange(int(16_000 * seconds)) / 16_000
        tone = np.sin(2 * np.pi * (300 + 10 * i) * t)
        path = tmp_path / ("a", "b")[i % 2] / f"{('yes', 'no')[i % 2]}_{'xyz'[i % 3]}_{i}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.stack([0.8 * tone, 0.4 * tone], 1), 16_000)
    return tmp_path


def test_the_shipped_digits(digits):
    train, test = digits["train"], digits["test"]
    assert (len(train), len(test)) == (560, 200)
    assert train.classes == test.classes
    assert train.classes[7] == "seven"
    assert train.voices == test.voices
    assert len(train.voices) == 10
    assert set(train.speakers.tolist()) == set(range(8))  # two voices are for the test only
    assert set(test.speakers.tolist()) == set(range(10))
    for part, times in ((train, 7), (test, 2)):
        pairs = Counter(zip(part.labels.tolist(), part.speakers.tolist(), strict=True))
        assert set(pairs.values()) == {times}
        assert part.waves.shape[1] == 6144
        assert part.rate == 8000
        assert (part.waves.abs().amax(1) > 0.4).all()
        beyond = torch.arange(6144) >= part.lengths[:, None]
        assert (part.waves[beyond] == 0).all()


def test_no_rendering_is_in_both_splits():
    clips = json.loads((sounds.SHIPPED / "manifest.json").read_text("utf-8"))["clips"]
    keys = ("label", "voice", "speed", "pitch", "end")
    spoken = [set(zip(*(c[key] for key in keys), strict=True)) for c in clips.values()]
    assert len(spoken[0]) > 550
    assert not spoken[0] & spoken[1]


def test_they_are_small_and_say_where_they_are_from():
    assert sum(f.stat().st_size for f in sounds.SHIPPED.iterdir()) < 3_000_000
    manifest = json.loads((sounds.SHIPPED / "manifest.json").read_text("utf-8"))
    assert manifest["made_by"] == "tools/make_digits.py"
    assert "espeak-ng" in manifest["made_with"]
    assert "licence" in manifest


def test_a_clip_and_a_batch(digits):
    wave, label, speaker = digits["train"][3]
    assert wave.dtype == torch.float32
    assert wave.shape == (6144,)
    assert (type(label), type(speaker)) == (int, int)
    loader = torch.utils.data.DataLoader(digits["train"], 5)
    waves, labels, speakers = next(iter(loader))
    assert (waves.shape, labels.shape, speakers.shape) == ((5, 6144), (5,), (5,))
    assert repr(digits["train"]) == (
        "SoundSet('digits', 'train': 560 sounds of 0.77 s at 8,000 Hz, 10 words, 8 of 10 voices)"
    )


def test_limit_and_seed(digits):
    few, again, others = (load("digits", limit=20, seed=s) for s in (1, 1, 2))
    assert torch.equal(few.waves, again.waves)
    assert not torch.equal(few.waves, others.waves)
    rows = {row.numpy().tobytes() for row in digits["train"].waves}
    assert all(row.numpy().tobytes() in rows for row in few.waves)
    with pytest.raises(DataError, match="'digits', split 'test', holds 200"):
        load("digits", "test", limit=201)


def test_subset(digits):
    test = digits["test"]
    by_mask, by_place = test.subset(test.speakers < 8), test.subset([0, 2])
    assert len(by_mask) == 160
    assert by_mask.speakers.max() == 7
    assert torch.equal(by_place.waves, test.waves[[0, 2]])
    assert by_place.classes == test.classes
    for wrong in ([], [200], [-1], [0.5], test.speakers > 99):
        with pytest.raises(DataError, match="positions"):
            test.subset(wrong)


def test_digits_take_no_root_and_no_size(tmp_path):
    with pytest.raises(DataError, match="leave root out"):
        load("digits", root=tmp_path)
    with pytest.raises(DataError, match="leave size out"):
        load("digits", size=32)


def test_an_altered_file_is_found(tmp_path, monkeypatch):
    for file in sounds.SHIPPED.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(sounds, "SHIPPED", tmp_path)
    path = tmp_path / "test.flac"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert len(load("digits")) == 560
    with pytest.raises(DataError, match=r"test\.flac: altered"):
        load("digits", "test")
    path.unlink()
    with pytest.raises(DataError, match=r"test\.flac: cannot be read"):
        load("digits", "test")


def test_a_folder(folder):
    parts = [load("sounds", split, root=folder) for split in ("train", "test")]
    assert sum(map(len, parts)) == 60
    assert len(parts[1]) >= 1
    for part in parts:
        assert part.waves.shape[1] == 2560  # 0.3 s are 2,400 samples; a multiple of 512
        assert part.classes == ("no", "yes")
        assert part.voices == ("x", "y", "z")
        for wave, length, label, speaker in zip(
            part.waves, part.lengths, part.labels, part.speakers, strict=True
        ):
            spectrum = torch.fft.rfft(wave[:1600]).abs()
            i = round((spectrum.argmax().item() * 5 - 300) / 10)  # which tone it is
            assert label == (i + 1) % 2
            assert speaker == i % 3
            assert length == (1600 if i < 59 else 2400)
            assert wave.abs().max() == pytest.approx(0.6, abs=0.03)  # the mean of both channels
            assert (wave[length:] == 0).all()


def test_a_folder_of_the_right_rate_is_read_as_it_is(tmp_path):
    steps = np.arange(-1000, 1000, dtype=np.int16)
    for i in range(20):
        soundfile.write(tmp_path / f"a_b_{i}.wav", steps, 8000)
    part = load("sounds", root=tmp_path, limit=3)
    assert len(part) == 3
    torch.testing.assert_close(part.waves[0, :2000], torch.from_numpy(steps / 32768).float())


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("seven.wav", b"", "seven.wav: must be named label_speaker_number.wav"),
        ("7_a_b_1.wav", b"", "must be named"),
        ("7__1.wav", b"", "must be named"),
        ("7_a_1.wav", b"no sound at all", "7_a_1.wav: cannot be read as sound"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, content, complaint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=complaint):
        load("sounds", root=tmp_path)


def test_too_long_or_empty(tmp_path):
    soundfile.write(tmp_path / "a_b_1.wav", np.zeros(8000 * 6), 8000)
    with pytest.raises(DataError, match=r"a_b_1\.wav: 6\.0 s long"):
        load("sounds", root=tmp_path)
    soundfile.write(tmp_path / "a_b_1.wav", np.zeros(0), 8000)
    with pytest.raises(DataError, match=r"a_b_1\.wav: 0\.0 s long"):
        load("sounds", root=tmp_path)


def test_a_folder_without_sounds(tmp_path):
    with pytest.raises(DataError, match="needs the folder"):
        load("sounds")
    with pytest.raises(DataError, match="no files that end in"):
        load("sounds", root=tmp_path)
    with pytest.raises(DataError, match="no files that end in"):
        load("sounds", root=tmp_path / "nowhere")
    soundfile.write(tmp_path / "a_b_1.wav", np.zeros(800), 8000)
    split = sounds.split_of((tmp_path / "a_b_1.wav").relative_to(tmp_path))
    other = {"train": "test", "test": "train"}[split]
    with pytest.raises(DataError, match=f"none of its 1 files fell into the split '{other}'"):
        load("sounds", other, root=tmp_path)
    with pytest.raises(DataError, match="leave size out"):
        load("sounds", root=tmp_path, size=3)


def test_without_the_packages(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(DataError, match=r'pip install "vqedu\[sound\]"'):
        load("digits")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"waves": torch.zeros(2, 3, 4)}, "waves must be float32 of shape"),
        ({"waves": torch.zeros(2, 4, dtype=torch.float64)}, "waves must be float32"),
        ({"waves": torch.full((2, 4), 1.5)}, r"must lie in \[-1, 1\]"),
        ({"waves": torch.full((2, 4), float("nan"))}, r"must lie in \[-1, 1\]"),
        ({"lengths": torch.tensor([0, 4])}, "lengths run from 0 to 4, where 1 to 4"),
        ({"lengths": torch.tensor([1, 5])}, "lengths run from 1 to 5"),
        ({"labels": torch.tensor([0, 2])}, "labels run from 0 to 2, where 0 to 1"),
        ({"labels": torch.tensor([0])}, "labels must be int64 of shape"),
        ({"speakers": torch.tensor([0.0, 0.0])}, "speakers must be int64"),
        ({"speakers": torch.tensor([-1, 0])}, "speakers run from -1"),
    ],
)
def test_fields_that_do_not_fit(change, complaint):
    good = SoundSet(
        waves=torch.zeros(2, 4),
        lengths=torch.tensor([4, 2]),
        labels=torch.tensor([0, 1]),
        classes=("a", "b"),
        speakers=torch.tensor([0, 0]),
        voices=("x",),
        rate=8000,
        name="mine",
        split="train",
    )
    with pytest.raises(DataError, match=complaint):
        replace(good, **change)
