import contextlib
import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vqedu.data.idx import parse_idx, read_idx
from vqedu.errors import DataError


@settings(deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)))
def test_what_is_written_is_read(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    np.testing.assert_array_equal(
        parse_idx(header + array.tobytes(), array.ndim, source="x"), array
    )


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_no_other_bytes_pass_and_none_crash(data):
    with contextlib.suppress(DataError):
        assert len(data) == 8 + len(parse_idx(data, 1, source="x"))


@pytest.mark.parametrize("name", ["a.gz", "a"])
def test_gzipped_and_plain_files(write_idx, tmp_path, name):
    array = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(read_idx(write_idx(tmp_path / name, array), 3), array)


def test_a_gz_file_that_a_browser_has_unpacked_is_read(write_idx, tmp_path):
    plain = write_idx(tmp_path / "a", [1, 2, 3])
    np.testing.assert_array_equal(read_idx(plain.rename(tmp_path / "a.gz"), 1), [1, 2, 3])


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.gz: cannot be read \(No such file"):
        read_idx(tmp_path / "nothing.gz", 1)


def test_truncated_gzip(write_idx, tmp_path):
    path = write_idx(tmp_path / "a.gz", np.arange(200))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a\.gz: the gzip file is cut short or damaged"):
        read_idx(path, 1)


def test_altered_gzip(write_idx, tmp_path):
    path = write_idx(tmp_path / "a.gz", np.arange(200))
    data = bytearray(path.read_bytes())
    data[-5] ^= 1  # in the CRC
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        read_idx(path, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"begins with bytes \(none\), but .* begins with 00 00 08 01"),
        (bytes([0, 0, 0x0D, 1, 0, 0, 0, 0]), "begins with bytes 00 00 0d 01"),
        (bytes([0, 0, 8, 3, 0, 0, 0, 0]), "begins with bytes 00 00 08 03"),
        (bytes([0, 0, 8, 1, 0, 0]), "6 bytes long, but its header alone takes 8"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2]), "10 bytes long, but .* announces 5 .* take 13"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), "10 bytes long, but .* announces 1 .* take 9"),
    ],
)
def test_wrong_content(tmp_path, data, message):
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(data))
    with pytest.raises(DataError, match=message) as raised:
        read_idx(path, 1)
    assert "labels.gz" in str(raised.value)
