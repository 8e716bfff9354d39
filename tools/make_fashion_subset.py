"""Cut the Fashion-MNIST subset that ships inside the package out of the original files.

    python tools/make_fashion_subset.py /usr/share/datasets/fashion-mnist

The argument is a folder with the four original ``*-ubyte.gz`` files, for example the one that
Debian's package ``dataset-fashion-mnist`` installs. The subset keeps the first 1,000 images of
each class of the training file and the first 200 of each class of the test file, in file order.
Output and checksums are the same at every run.
"""

import argparse
import gzip
import hashlib
import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).parent.parent / "vqedu" / "assets" / "fashion-mnist-10k"
PER_CLASS = {"train": 1000, "t10k": 200}


def first_of_each_class(labels, count):
    """Sorted positions of the first ``count`` items of each of the ten classes."""
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)]))


def write(path, header, array):
    """Write one idx file, gzipped without a time stamp; return its manifest entry."""
    raw = b"".join(int(n).to_bytes(4, "big") for n in header) + array.tobytes()
    path.write_bytes(gzip.compress(raw, compresslevel=9, mtime=0))
    return {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with the four original .gz files")
    source = parser.parse_args().source
    OUT.mkdir(parents=True, exist_ok=True)
    files = {}
    for part, count in PER_CLASS.items():
        images = gzip.decompress((source / f"{part}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((source / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        labels = np.frombuffer(labels, np.uint8, offset=8)
        images = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
        keep = first_of_each_class(labels, count)
        for kind, magic, array in (
            ("images-idx3", 2051, images[keep]),
            ("labels-idx1", 2049, labels[keep]),
        ):
            name = f"{part}-{kind}-ubyte.gz"
            files[name] = write(OUT / name, (magic, *array.shape), array)
    manifest = {
        "source": "Fashion-MNIST, Xiao, Rasul and Vollgraf 2017, "
        "https://github.com/zalandoresearch/fashion-mnist",
        "licence": "MIT, Copyright (c) 2017 Zalando SE",
        "made_by": "tools/make_fashion_subset.py",
        "files": files,
    }
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(json.dumps(files, indent=2))


if __name__ == "__main__":
    main()
