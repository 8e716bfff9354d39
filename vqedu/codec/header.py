"""What stands before the tokens in a compressed file; the table is in :mod:`vqedu.codec`."""

import struct
import zlib
from dataclasses import dataclass

from ..errors import DataError

MAGIC, VERSION = b"VQ\xf1", 1
FIELDS = struct.Struct("<3sB8s8sHHHBI")
CRC = struct.Struct("<I")
HEADER_BYTES = FIELDS.size + CRC.size
NO_PRIOR = bytes(8)


@dataclass(frozen=True)
class Header:
    model: bytes
    prior: bytes
    label: int
    height: int
    width: int
    levels: int
    token_crc: int

    def join(self, payload: bytes) -> bytes:
        """The whole file."""
        fields = FIELDS.pack(MAGIC, VERSION, *vars(self).values())
        return fields + CRC.pack(zlib.crc32(payload, zlib.crc32(fields))) + payload

    @classmethod
    def split(cls, data: bytes) -> "tuple[Header, bytes]":
        """The header and what follows it.

        Raises:
            DataError: see :func:`~vqedu.codec.decompress`.
        """
        if data[: len(MAGIC)] != MAGIC:
            raise DataError("this is not an image compressed by vqedu")
        if len(data) < HEADER_BYTES:
            raise DataError(f"the compressed image is cut short: only {len(data)} bytes are left")
        _, version, *fields = FIELDS.unpack_from(data)
        if version != VERSION:
            raise DataError(
                f"the compressed image is of version {version}, and this vqedu reads version "
                f"{VERSION}: upgrade vqedu, or the file is damaged"
            )
        (crc,) = CRC.unpack_from(data, FIELDS.size)
        payload = data[HEADER_BYTES:]
        if crc != zlib.crc32(payload, zlib.crc32(data[: FIELDS.size])):
            raise DataError("the compressed image is damaged: cut short, or altered")
        return cls(*fields), payload


@dataclass(frozen=True)
class FileSize:
    """What a compressed image takes, all of it counted.

    Attributes:
        total: bytes of the whole file.
        header: bytes of it that are not tokens.
        height: of the image, in pixels.
        width: of the image, in pixels.
    """

    total: int
    header: int
    height: int
    width: int

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the whole file for each of the H·W positions."""
        return 8 * self.total / (self.height * self.width)

    def __str__(self) -> str:
        return (
            f"{self.total:,} bytes ({self.header} of them header) for {self.height}×{self.width} "
            f"pixels: {self.bits_per_pixel:.3f} bits a pixel"
        )


def file_size(data: bytes) -> FileSize:
    """What a compressed image takes.

    Raises:
        DataError: a damaged file, or one of another kind.
    """
    header, _ = Header.split(data)
    return FileSize(len(data), HEADER_BYTES, header.height, header.width)
