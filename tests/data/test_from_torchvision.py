import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from vqedu.data import DataError, load


def test_a_grey_set_with_train_in_its_signature(fashion_files, tmp_path):
    arrays = fashion_files(tmp_path / "FashionMNIST" / "raw", "")
    for split, (images, labels) in arrays.items():
        loaded = load("torchvision:FashionMNIST", split, root=tmp_path)
        np.testing.assert_array_equal(loaded.images[:, 0], images)
        assert loaded.labels.tolist() == labels.tolist()
        assert loaded.name == "torchvision:FashionMNIST"
        assert loaded.classes[9] == "Ankle boot"
    assert load("torchvision:FashionMNIST", root=tmp_path, size=8, limit=2).images.shape == (
        2,
        1,
        8,
        8,
    )


@pytest.fixture
def imagenette(tmp_path):
    """Four pictures of different size in the layout of a set that calls its test split "val"."""
    for split in ("train", "val"):
        for i, wnid in enumerate(["n01440764", "n02102040"]):
            for j in range(2):
                path = tmp_path / "imagenette2" / split / wnid / f"{j}.jpeg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (20 + i, 30), (100 * i, 0, 0)).save(path)
    return tmp_path


def test_a_set_of_pictures_with_a_split_named_val(imagenette):
    loaded = load("torchvision:Imagenette", "test", root=imagenette, size=16)
    assert loaded.images.shape == (4, 3, 16, 16)
    assert loaded.labels.tolist() == [0, 0, 1, 1]
    assert loaded.classes == ("tench", "English springer")


def test_sizes_that_differ_need_a_size(imagenette):
    with pytest.raises(DataError, match=r"of 2 different sizes; choose one: size="):
        load("torchvision:Imagenette", root=imagenette)


def test_a_damaged_picture(imagenette):
    (imagenette / "imagenette2" / "train" / "n01440764" / "1.jpeg").write_text("x")
    with pytest.raises(DataError, match=r"Imagenette: image 1 cannot be read .*1\.jpeg"):
        load("torchvision:Imagenette", root=imagenette, size=8)


@pytest.mark.parametrize("name", ["CIFAR10", "MNIST", "SVHN", "Country211"])
def test_offline(tmp_path, name):
    with pytest.raises(DataError, match=r"could not be downloaded .*no network") as raised:
        load(f"torchvision:{name}", root=tmp_path / "new" / "folder")
    for part in (f"'torchvision:{name}'", str(tmp_path / "new" / "folder"), "'fashion'"):
        assert part in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CIFAR", r"did you mean 'torchvision:CIFAR10'\?"),
        ("cifar10", r"did you mean 'torchvision:CIFAR10'\?"),
        ("qqqq", "only .*CIFAR10.*MNIST"),
        ("FakeData", "no downloadable image set 'FakeData'"),
        ("", "no downloadable image set ''"),
    ],
)
def test_names_that_torchvision_does_not_have(name, message):
    with pytest.raises(DataError, match=message):
        load(f"torchvision:{name}")


def made(items, **extra):
    """A data set class as torchvision has them, around the given items."""

    class Made:
        def __init__(self, root, train=True, transform=None, download=False):
            self.__dict__.update(extra)

        def __len__(self):
            return len(items)

        def __getitem__(self, i):
            return items[i]

    return Made


def test_grey_among_colour_becomes_rgb_and_missing_names_are_numbers(tmp_path, monkeypatch):
    items = [(Image.new("L", (4, 4), 9), 2), (Image.new("RGB", (4, 4), (1, 2, 3)), np.int64(0))]
    monkeypatch.setattr(torchvision.datasets, "MNIST", made(items))
    loaded = load("torchvision:MNIST", root=tmp_path)
    assert loaded.images[:, :, 0, 0].tolist() == [[9, 9, 9], [1, 2, 3]]
    assert loaded.classes == ("0", "1", "2")
    assert torch.equal(loaded.labels, torch.tensor([2, 0]))


@pytest.mark.parametrize(
    "item",
    [
        torch.zeros(3),
        (Image.new("L", (4, 4)), {"boxes": []}),
        (torch.zeros(3), 1),
        (Image.new("L", (4, 4)), -1),
    ],
)
def test_items_that_are_not_picture_and_class(tmp_path, monkeypatch, item):
    monkeypatch.setattr(torchvision.datasets, "MNIST", made([item]))
    with pytest.raises(DataError, match="not pairs of a picture and a class number"):
        load("torchvision:MNIST", root=tmp_path)


def test_a_set_without_a_test_split(tmp_path, monkeypatch):
    class OnlyTrain:
        def __init__(self, root, split="train", download=False):
            raise ValueError(f"Unknown value '{split}'")

    monkeypatch.setattr(torchvision.datasets, "STL10", OnlyTrain)
    with pytest.raises(DataError, match="has no split 'test': Unknown value 'val'"):
        load("torchvision:STL10", "test", root=tmp_path)


def test_the_default_folder_is_the_cache(fashion_files, tmp_path):
    fashion_files(tmp_path / "cache" / "FashionMNIST" / "raw", "")
    assert len(load("torchvision:FashionMNIST")) == 6
