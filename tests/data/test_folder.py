import os
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vqedu.data import DataError, load
from vqedu.data.folder import split_of
from vqedu.data.pictures import fit, pick, read_picture


def save(path, colour=(10, 20, 30), size=(8, 6), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


@pytest.fixture
def pictures(tmp_path):
    """40 pictures in two sub-folders and a sub-folder of one of them; the red value counts."""
    for i in range(40):
        folder = ("cats", "dogs", "dogs/small", ".")[i % 4]
        save(tmp_path / folder / f"{i}.png", (i, 0, 0))
    return tmp_path


def test_classes_and_splits(pictures):
    train, test = (load("folder", split, root=pictures, size=4) for split in ("train", "test"))
    assert train.images.shape[1:] == (3, 4, 4)
    assert train.classes == test.classes == tuple(sorted(["cats", "dogs", pictures.name]))
    assert sorted([*train.images[:, 0, 0, 0], *test.images[:, 0, 0, 0]]) == list(range(40))
    assert len(test) >= 1
    for images in (train, test):
        for i, label in zip(
            images.images[:, 0, 0, 0].tolist(), images.labels.tolist(), strict=True
        ):
            assert images.classes[label] == ("cats", "dogs", "dogs", pictures.name)[i % 4]


def test_size_limit_seed(pictures):
    assert load("folder", root=pictures).images.shape[2:] == (64, 64)
    first, again, other = (
        load("folder", root=pictures, limit=8, seed=seed).images for seed in (1, 1, 2)
    )
    assert len(first) == 8
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(DataError, match=r"limit=1,000, but .* split 'train', holds \d+ images"):
        load("folder", root=pictures, limit=1000)


def test_one_in_ten_is_for_testing_and_none_moves():
    splits = Counter(split_of(Path(f"a/{i}.jpg")) for i in range(5000))
    assert 400 < splits["test"] < 600
    assert split_of(Path("a/0.jpg")) == "train"  # fixed for ever: results depend on it
    assert [i for i in range(40) if split_of(Path(f"{i}.png")) == "test"] == [1, 20, 21]


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_the_split_does_not_depend_on_how_accents_are_stored(name):
    forms = (Path(unicodedata.normalize(form, name)) for form in ("NFC", "NFD"))
    assert len({split_of(form) for form in forms}) == 1


def test_no_root_no_folder_no_pictures(tmp_path):
    with pytest.raises(DataError, match="'folder' needs the folder"):
        load("folder")
    with pytest.raises(DataError, match="nowhere: no such folder"):
        load("folder", root=tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("x")
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".trash" / "a.png")
    with pytest.raises(DataError, match=r"no pictures found; .* \.jpg .*\.webp") as raised:
        load("folder", root=tmp_path)
    assert str(tmp_path) in str(raised.value)


def test_a_folder_that_may_not_be_read(pictures, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DataError, match="may not be read; change its permissions"):
        load("folder", root=pictures)


def test_too_few_for_a_split(tmp_path):
    save(tmp_path / "0.png")
    with pytest.raises(DataError, match="none of its 1 pictures fell into the split 'test'"):
        load("folder", "test", root=tmp_path)


def _truncated_jpeg(path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("text.png", lambda path: path.write_text("not a picture")),
        ("empty.jpg", lambda path: path.write_bytes(b"")),
        ("cut.jpg", _truncated_jpeg),
        ("float.tif", lambda path: save(path, 0.5, mode="F")),
        ("header.png", lambda path: path.write_bytes(save(path).read_bytes()[:20])),
    ],
)
def test_a_file_that_is_no_whole_picture_is_named(tmp_path, name, spoil):
    spoil(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read as a picture") as raised:
        load("folder", split_of(Path(name)), root=tmp_path)
    assert str(tmp_path / name) in str(raised.value)


def test_a_picture_of_hostile_size(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(DataError, match=r"big\.png: cannot be read .*decompression bomb"):
        read_picture(save(tmp_path / "big.png"))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("RGBA", (200, 100, 0, 0), (255, 255, 255)),
        ("RGBA", (200, 100, 0, 255), (200, 100, 0)),
        ("LA", (77, 0), (255, 255, 255)),
        ("I;16", 128 * 256 + 255, (128, 128, 128)),
        ("I;16", 255 * 256, (255, 255, 255)),
        ("I;16", 65535, (255, 255, 255)),
        ("I", 128 * 257, (128, 128, 128)),
    ],
)
def test_every_kind_of_pixel(tmp_path, mode, colour, expected):
    suffix = "tif" if mode == "I" else "png"
    pixels = read_picture(save(tmp_path / f"a.{suffix}", colour, mode=mode))
    assert (pixels.shape, pixels.dtype) == ((3, 6, 8), torch.uint8)
    assert pixels[:, 0, 0].tolist() == list(expected)


def test_transparent_palette_cmyk_and_every_suffix(tmp_path):
    assert read_picture(save(tmp_path / "a.gif", 0, mode="P", transparency=0))[0, 0, 0] == 255
    assert read_picture(save(tmp_path / "a.jpg", (0, 0, 0, 0), mode="CMYK")).min() > 250
    for suffix in ("bmp", "gif", "jpeg", "jpg", "PNG", "tif", "tiff", "webp"):
        folder = tmp_path / suffix
        save(folder / f"picture.{suffix}")
        split = split_of(Path(f"picture.{suffix}"))
        assert len(load("folder", split, root=folder)) == 1


def test_the_cameras_rotation_mark_is_obeyed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_picture(save(tmp_path / "a.jpg", size=(8, 6), exif=exif)).shape == (3, 8, 6)


def test_a_picture_of_one_pixel(tmp_path):
    save(tmp_path / "0.png", (9, 8, 7), size=(1, 1))
    images = load("folder", split_of(Path("0.png")), root=tmp_path).images
    assert images.shape == (1, 3, 64, 64)
    assert images[0, :, 5, 5].tolist() == [9, 8, 7]


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 40))
def test_fit_keeps_a_colour_and_gives_the_size(height, width, size):
    image = torch.full((2, 3, height, width), 93, dtype=torch.uint8)
    assert torch.equal(fit(image, size), torch.full((2, 3, size, size), 93, dtype=torch.uint8))
    assert fit(image[0], size).shape == (3, size, size)


def test_fit_takes_the_middle():
    image = torch.arange(6, dtype=torch.uint8).expand(1, 2, 6)  # columns 0 .. 5
    assert fit(image, 2).tolist() == [[[2, 3], [2, 3]]]


def test_fit_averages_where_it_shrinks():
    stripes = torch.tensor([0, 200, 200, 0] * 4).expand(
        1, 16, 16
    )  # every fourth pixel's place: 200
    assert ((fit(stripes.to(torch.uint8), 4).int() - 100).abs() <= 10).all()


def test_pick():
    assert pick(3, None, 0, "x").tolist() == [0, 1, 2]
    assert pick(100, 5, 0, "x").tolist() == [2, 26, 55, 75, 86]  # the draw is fixed for ever
