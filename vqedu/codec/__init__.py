"""Image <-> file: the tokens of an autoencoder, entropy-coded.

A file is a header of 35 bytes and the tokens, in a range code under one of three models:

- an autoregressive prior, where the caller gives one: the fewest bits, the slowest;
- the codes' frequencies in training, where the model knows them (``model.notes["code_counts"]``);
- all codes alike: log2 K bits a token.

=====  =====================================================================
bytes  header, little-endian
=====  =====================================================================
3      ``VQ`` and 0xF1: what kind of file this is
1      version of this layout, 1
8      the model: hash of its weights and of the frequencies it knows
8      the prior: hash of its weights; zeros without one
2      class label given to the prior
4      height and width of the image in pixels
1      Q for tokens of Q residual levels, 0 for tokens of none
4      CRC-32 of the tokens
4      CRC-32 of everything else in the file
=====  =====================================================================

The token grid is not stored: it follows from the image's size and the model's stride.

What is guaranteed: a file gives back exactly the tokens that were coded, or an error. Without a
prior that holds on any machine. With one, it needs the logits bit for bit as the encoder had
them, which holds on the same kind of machine with the same versions and number of threads; the
checksum of the tokens tells every other case. From equal tokens, two machines decode images that
are equal up to rounding.
"""

from .files import compress_file, decompress_file, read_image, write_image
from .header import HEADER_BYTES, FileSize, file_size
from .images import compress, decompress, through

__all__ = [
    "HEADER_BYTES",
    "FileSize",
    "compress",
    "compress_file",
    "decompress",
    "decompress_file",
    "file_size",
    "read_image",
    "through",
    "write_image",
]
