import subprocess
import sys

import pytest
import torch

from vqedu.data import DataError, load, photograph, photos


@pytest.mark.parametrize(("split", "count"), [("train", 10_000), ("test", 2_000)])
def test_defaults(split, count):
    patches = load("photos", split)
    assert patches.images.shape == (count, 3, 32, 32)
    shares = torch.bincount(patches.labels)
    assert len(shares) == len(patches.classes)
    assert shares.max() - shares.min() <= 1
    assert patches.images.is_contiguous()


def test_separate_photographs():
    train, test = (load("photos", split, limit=10) for split in ("train", "test"))
    assert not set(train.classes) & set(test.classes)
    assert "chelsea" in test.classes


def test_the_seed_decides():
    first, again, other = (load("photos", limit=50, seed=seed).images for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_patches_are_cut_from_the_photograph_of_their_label():
    patches = load("photos", "test", size=8, limit=4)
    photo = {
        name: photos.photograph(file)
        for name, file in zip(patches.classes, photos.PHOTOGRAPHS["test"], strict=True)
    }
    for image, label in zip(patches.images, patches.labels, strict=True):
        for name, pixels in photo.items():
            windows = pixels.unfold(1, 8, 1).unfold(2, 8, 1).permute(1, 2, 0, 3, 4)
            found = (windows == image).flatten(2).all(dim=2).any().item()
            assert found == (name == patches.classes[label])


def test_no_place_twice_and_few_even_patches():
    patches = load("photos", "test")
    assert len(patches.images.flatten(1).unique(dim=0)) > 1990
    even = patches.images.flatten(2).float().std(dim=2).mean(dim=1) < 4
    assert even.float().mean() < 0.05


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"size": 129}, "at most 128 pixels"),
        ({"limit": 10**6}, r"astronaut\.png has room for 115,680 patches of 32×32"),
        ({"root": "x"}, "leave root out"),
    ],
)
def test_requests_that_make_no_sense(request_, message):
    with pytest.raises(DataError, match=message):
        load("photos", **request_)


def test_a_missing_photograph_is_named(monkeypatch):
    monkeypatch.setitem(photos.PHOTOGRAPHS, "train", ("nobody.png",))
    with pytest.raises(DataError, match=r"nobody\.png: cannot be read"):
        load("photos")


def test_scikit_image_missing(monkeypatch):
    monkeypatch.setattr(photos, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install scikit-image"):
        load("photos")


def test_nothing_of_skimage_is_imported():
    code = "import sys, vqedu; vqedu.data.load('photos', limit=9); print('skimage' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_medical_halves():
    train, test = load("medical", limit=400), load("medical", "test", limit=400)
    assert train.classes == test.classes == ("retina", "ihc")
    assert train.images.shape == (400, 3, 32, 32)
    assert torch.bincount(test.labels).tolist() == [200, 200]
    assert (train.name, test.split) == ("medical", "test")
    eye = photograph("retina.jpg")
    middle = -(-eye.shape[2] // 2)  # 1411 columns: the left half is the wider one
    for patches, half in ((train, eye[:, :, :middle]), (test, eye[:, :, middle:])):
        patch = patches.images[patches.labels == 0][0]
        corner = half[:, :-31, :-31] == patch[:, :1, :1]
        places = corner.all(0).nonzero().tolist()
        assert any(torch.equal(half[:, i : i + 32, j : j + 32], patch) for i, j in places)


@pytest.mark.parametrize(
    ("request_", "message"),
    [({"size": 129}, "patches of 'medical' are at most"), ({"root": "x"}, "'medical' come with")],
)
def test_medical_requests_that_make_no_sense(request_, message):
    with pytest.raises(DataError, match=message):
        load("medical", **request_)


def test_a_whole_photograph():
    chelsea, brick = photograph("chelsea.png"), photograph("brick.png")
    assert (chelsea.shape, chelsea.dtype) == ((3, 300, 451), torch.uint8)
    assert (brick[0] == brick[2]).all()
    with pytest.raises(DataError, match=r"nobody\.png: cannot be read"):
        photograph("nobody.png")
