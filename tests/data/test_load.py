import pytest
import torch

import vqedu.data
from vqedu.data import DataError, ImageSet, cache_folder, load
from vqedu.errors import VQEduError


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fashon", r"; did you mean 'fashion'\?"),
        ("Photos", r"; did you mean 'photos'\?"),
        ("cifar10", r"; did you mean 'torchvision:CIFAR10'\?"),
        ("", "'torchvision:CIFAR10'$"),
        (None, "'torchvision:CIFAR10'$"),
    ],
)
def test_an_unknown_name_lists_the_names(name, hint):
    with pytest.raises(DataError, match=hint) as raised:
        load(name)
    assert all(repr(known) in str(raised.value) for known in vqedu.data.NAMES)


def test_an_unknown_split():
    with pytest.raises(DataError, match="'train' or 'test', not 'validation'"):
        load("fashion", "validation")


@pytest.mark.parametrize("value", [0, -1, 1.5, "32", True])
@pytest.mark.parametrize("what", ["size", "limit"])
def test_sizes_and_limits_that_make_no_sense(what, value):
    with pytest.raises(DataError, match=f"{what} must be a whole number .*, not {value!r}"):
        load("fashion", **{what: value})


def test_too_large_a_size_limit_and_seed():
    with pytest.raises(DataError, match="size must be a whole number from 1 to 1024, not 5000"):
        load("fashion", size=5000)
    with pytest.raises(DataError, match="limit=2,001, but 'fashion', split 'test', holds 2,000"):
        load("fashion", "test", limit=2001)
    with pytest.raises(DataError, match="seed must be"):
        load("fashion", seed=-1)


def test_limit_draws_by_the_seed():
    first, again, other = (load("fashion", "test", limit=30, seed=s) for s in (5, 5, 6))
    assert isinstance(first, ImageSet)
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
    assert first.labels.unique().numel() > 5


def test_size_resizes():
    small = load("fashion", "test", size=14, limit=10)
    assert small.images.shape == (10, 1, 14, 14)


@pytest.mark.parametrize(("size", "before"), [(29, 0), (32, 2), (41, 6)])
def test_fashion_gets_a_border(size, before):
    """Larger than it is, nothing is resized: a black border goes around it."""
    plain, large = load("fashion", "test", limit=10), load("fashion", "test", size=size, limit=10)
    inside = slice(before, before + 28)
    assert large.images.shape == (10, 1, size, size)
    assert torch.equal(large.images[..., inside, inside], plain.images)
    assert large.images.sum() == plain.images.sum()
    assert torch.equal(large.labels, plain.labels)


def test_the_cache_folder(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("VQEDU_DATA", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "vqedu"


def test_errors_are_value_errors_and_vqedu_errors():
    assert issubclass(DataError, ValueError)
    assert issubclass(DataError, VQEduError)
