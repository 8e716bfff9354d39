import shutil

import numpy as np
import pytest
import torch

from vqedu.data import DataError, fashion, load, verify


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The shipped files in a folder where a test may damage them."""
    folder = tmp_path / "assets"
    shutil.copytree(fashion.SHIPPED, folder)
    monkeypatch.setattr(fashion, "SHIPPED", folder)
    return folder


@pytest.mark.parametrize(("split", "per_class"), [("train", 1000), ("test", 200)])
def test_the_shipped_set(split, per_class):
    images = load("fashion", split)
    assert images.images.shape == (10 * per_class, 1, 28, 28)
    assert torch.bincount(images.labels).tolist() == [per_class] * 10
    assert images.classes[9] == "Ankle boot"
    assert (images.name, images.split) == ("fashion", split)
    assert 0.45 < images.variance < 0.55


def test_labels_belong_to_their_images():
    """An ankle boot and a T-shirt, by eye: trousers are dark between the legs at the bottom."""
    images = load("fashion", "test")
    mean = {
        name: images.images[images.labels == i, 0].float().mean(0)
        for i, name in enumerate(images.classes)
    }
    assert mean["Trouser"][25, 10] > 2 * mean["Trouser"][25, 14]  # two legs
    assert mean["Ankle boot"][4, 4] < 5 < 50 < mean["Ankle boot"][20, 14]  # nothing above the toe


def test_verify_finds_all_four_files():
    found = verify()
    assert len(found) == 4
    assert all(ok for _, ok, _ in found)


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), r"cannot be read \(No such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "872,909 bytes long where 872,910"),
        (_flip, "altered: its SHA-256 is"),
    ],
)
def test_a_damaged_file_is_named(copy, damage, message):
    file = "t10k-images-idx3-ubyte.gz"
    damage(copy / file)
    with pytest.raises(DataError, match=message) as raised:
        load("fashion", "test")
    assert str(copy / file) in str(raised.value)
    assert [name for name, ok, _ in verify() if not ok] == [file]
    assert len(load("fashion", "train", limit=5)) == 5  # the other split is whole


def test_a_damaged_manifest_is_named(copy):
    (copy / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=r"manifest\.json: cannot be read"):
        load("fashion")


def test_fashion_takes_no_root(tmp_path):
    with pytest.raises(DataError, match="leave root out"):
        load("fashion", root=tmp_path)


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize(
    ("where", "below"),
    [
        ("root", "."),
        ("root", "FashionMNIST/raw"),
        ("variable", "."),
        ("variable", "FashionMNIST/raw"),
        ("debian", "."),
    ],
)
def test_the_full_set_is_found(fashion_files, tmp_path, monkeypatch, where, below, suffix):
    folder, root = tmp_path / "mine", None
    if where == "debian":
        monkeypatch.setattr(fashion, "DEBIAN", folder)
    elif where == "variable":
        monkeypatch.setenv("VQEDU_DATA", str(folder))
    else:
        root = folder
    arrays = fashion_files(folder / below, suffix)
    for split, (images, labels) in arrays.items():
        full = load("fashion-full", split, root=root)
        np.testing.assert_array_equal(full.images[:, 0], images)
        np.testing.assert_array_equal(full.labels, labels)


def test_the_full_set_offline_says_what_to_do(tmp_path):
    with pytest.raises(DataError) as raised:
        load("fashion-full", root=tmp_path)
    text = str(raised.value)
    for part in (
        str(tmp_path),
        "t10k-labels-idx1-ubyte.gz",
        "VQEDU_DATA",
        "no network in this test",
        "'fashion', which needs no network",
    ):
        assert part in text
    assert "\n" not in text


def test_the_full_set_is_downloaded_when_it_is_missing(fashion_files, tmp_path, monkeypatch):
    import torchvision

    def download(root, download):
        assert download
        fashion_files(root / "FashionMNIST" / "raw")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", download)
    assert len(load("fashion-full", "test", root=tmp_path)) == 4


def test_full_set_of_the_wrong_length(fashion_files, write_idx, tmp_path):
    fashion_files(tmp_path)
    image_file, label_file = fashion.file_names("train")
    write_idx(tmp_path / label_file, np.zeros(5))
    with pytest.raises(DataError, match=rf"{label_file}: 5 labels for the 6 images"):
        load("fashion-full", root=tmp_path)
    write_idx(tmp_path / image_file, np.zeros((5, 28, 28)))
    with pytest.raises(DataError, match=rf"{image_file}: holds 5 images where .* has 6"):
        load("fashion-full", root=tmp_path)
