"""Every test here runs without the network and with an empty cache folder of its own."""

import gzip
import urllib.request
from urllib.error import URLError

import numpy as np
import pytest

from vqedu.data import fashion


@pytest.fixture(autouse=True)
def sealed(monkeypatch, tmp_path):
    def offline(*args, **kwargs):
        raise URLError("no network in this test")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setenv("VQEDU_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "no-debian")


def idx_bytes(array):
    """An idx file's content, written out independently of the reader."""
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def write_idx():
    def write(path, array):
        path.parent.mkdir(parents=True, exist_ok=True)
        data = idx_bytes(np.asarray(array, np.uint8))
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        return path

    return write


@pytest.fixture
def fashion_files(write_idx, monkeypatch):
    """Writes a Fashion-MNIST of 6 + 4 images, gzipped or unpacked; returns its arrays."""
    count = {"train": 6, "test": 4}
    monkeypatch.setitem(fashion.COUNT, "fashion-full", count)

    def write(folder, suffix=".gz"):
        random = np.random.default_rng(0)
        arrays = {}
        for split, n in count.items():
            images = random.integers(0, 256, (n, 28, 28), np.uint8)
            labels = np.arange(n, dtype=np.uint8)
            for name, array in zip(fashion.file_names(split), (images, labels), strict=True):
                write_idx(folder / (name.removesuffix(".gz") + suffix), array)
            arrays[split] = images, labels
        return arrays

    return write
