"""The idx format of the MNIST family: a short header, then the bytes.

    offset 0   two zero bytes
    offset 2   type of the elements: 0x08 is an unsigned byte, the only one read here
    offset 3   number of dimensions d
    offset 4   d sizes, each a big-endian 32-bit integer
    then       the elements, last dimension fastest

Source: http://yann.lecun.com/exdb/mnist (LeCun, Cortes and Burges 1998).
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from ..errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08


def read_idx(path: str | Path, ndim: int) -> np.ndarray:
    """Read one idx file of bytes, gzipped or plain (told by its content, not by its name).

    Args:
        path: the file.
        ndim: how many dimensions it must have: 3 for images, 1 for labels.

    Returns:
        uint8 array with ``ndim`` dimensions.

    Raises:
        DataError: names the file, what was wrong with it and what would be right.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if data.startswith(GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(
                f"{path}: the gzip file is cut short or damaged ({error}); fetch it again"
            ) from error
    return parse_idx(data, ndim, source=path)


def parse_idx(data: bytes, ndim: int, *, source: str | Path) -> np.ndarray:
    """Decode the content of an idx file; ``source`` names it in errors. See ``read_idx``."""
    expected = bytes([0, 0, UNSIGNED_BYTE, ndim])
    if data[:4] != expected:
        raise DataError(
            f"{source}: begins with bytes {data[:4].hex(' ') or '(none)'}, but an idx file of "
            f"{ndim}-dimensional bytes begins with {expected.hex(' ')}"
        )
    header = 4 + 4 * ndim
    if len(data) < header:
        raise DataError(f"{source}: {len(data)} bytes long, but its header alone takes {header}")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", count=ndim, offset=4))
    if len(data) != header + math.prod(shape):
        raise DataError(
            f"{source}: {len(data):,} bytes long, but its header announces "
            f"{' × '.join(map(str, shape))} values, which take {header + math.prod(shape):,}"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
