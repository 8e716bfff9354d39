"""Tokens <-> bytes: a range coder, and where its probabilities come from.

constriction's models turn probabilities into whole numbers out of 2^24, none of them 0. The
encoder and the decoder hand it the same float64 numbers, so they get the same whole numbers.
"""

import zlib
from collections.abc import Callable

import constriction
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..autoencoders import VQAutoencoder
from ..errors import DataError, InputError

FAMILY = constriction.stream.model.Categorical(perfect=False)
OUT_OF_STEP = (
    "the tokens came out differently from those that were coded: under a prior, an image can be "
    "decoded only on the kind of machine, with the versions and the number of threads that it was "
    "compressed with"
)


def frequencies(model: VQAutoencoder) -> Tensor:
    """(K,) float64, how likely each code is: as often as in training, each once more."""
    num_codes = model.quantizer.num_codes
    counts = getattr(model, "notes", {}).get("code_counts") or [0] * num_codes
    if len(counts) != num_codes or min(counts) < 0:
        raise InputError(
            f'model.notes["code_counts"] must be {num_codes} counts, none below 0; '
            f"got {len(counts)} from {min(counts)} on"
        )
    counts = torch.tensor(counts, dtype=torch.float64) + 1
    return counts / counts.sum()


def _distributions(p: Tensor) -> np.ndarray:
    """As constriction takes them: (…, K) -> (…, K + 1) float64. It wants two symbols at least;
    the last one never comes and costs 2^-24 of the range."""
    return F.pad(p, (0, 1)).cpu().numpy()


def encode_alike(p: Tensor, tokens: Tensor) -> bytes:
    """Tokens (h, w) or (h, w, Q), each under the same probabilities p (K,)."""
    coder = constriction.stream.queue.RangeEncoder()
    one = constriction.stream.model.Categorical(_distributions(p), perfect=False)
    coder.encode(tokens.flatten().int().numpy(), one)
    return _to_bytes(coder)


def decode_alike(p: Tensor, payload: bytes, size: list[int]) -> Tensor:
    """Undo :func:`encode_alike`; ``size`` is the tokens' shape.

    Raises:
        DataError: no tokens come out.
    """
    one = constriction.stream.model.Categorical(_distributions(p), perfect=False)
    return _decoded(_from_bytes(payload), len(p), one, int(np.prod(size))).view(size)


def encode_by_prior(prior: nn.Module, tokens: Tensor, label: int) -> bytes:
    """Tokens (h, w), each under what the prior expects after those before it."""
    coder = constriction.stream.queue.RangeEncoder()

    def code(where, p):
        coder.encode(tokens[where].int().numpy(), FAMILY, p)

    _walk(prior, tokens, label, code)
    return _to_bytes(coder)


def decode_by_prior(prior: nn.Module, payload: bytes, size: list[int], label: int) -> Tensor:
    """Undo :func:`encode_by_prior`.

    Raises:
        DataError: no tokens come out.
    """
    coder, tokens = _from_bytes(payload), torch.zeros(size, dtype=torch.int64)

    def code(where, p):
        tokens[where] = _decoded(coder, prior.num_codes, FAMILY, p)

    _walk(prior, tokens, label, code)
    return tokens


def _decoded(coder, num_codes: int, *how) -> Tensor:
    """The next tokens (n,). Where the probabilities are not those of the encoder, the coder may
    find no symbol, or the one that never comes, which a prior could not go on from."""
    try:
        tokens = torch.from_numpy(coder.decode(*how)).long()
    except AssertionError as error:
        raise DataError(OUT_OF_STEP) from error
    if (tokens >= num_codes).any():
        raise DataError(OUT_OF_STEP)
    return tokens


def _walk(prior: nn.Module, tokens: Tensor, label: int, code: Callable) -> None:
    """Let ``code(where, p)`` read or write ``tokens`` (h, w), all blocks of the prior's grid side
    by side: ``where`` indexes the n tokens to code now, p (n, K + 1) are their probabilities."""
    (h, w), (block_h, block_w) = tokens.shape, prior.grid
    corners = torch.cartesian_prod(torch.arange(0, h, block_h), torch.arange(0, w, block_w))

    def choose(at, logits):
        rows, columns = (corners + torch.tensor(at)).T
        inside = (rows < h) & (columns < w)
        if inside.any():
            p = torch.softmax(logits.cpu().double(), 1)[inside]
            if p.isnan().any():
                raise InputError("the prior predicts NaN: its weights are spoiled")
            code((rows[inside], columns[inside]), _distributions(p))
        return tokens[rows.clamp(max=h - 1), columns.clamp(max=w - 1)]

    prior.walk(torch.full((len(corners),), label), choose)


def _to_bytes(coder) -> bytes:
    """Most significant byte first, so that the zeros at the end are what may be left out."""
    return coder.get_compressed().astype(">u4").tobytes().rstrip(b"\0")


def _from_bytes(payload: bytes):
    payload += bytes(-len(payload) % 4)
    words = np.frombuffer(payload, ">u4").astype(np.uint32)
    return constriction.stream.queue.RangeDecoder(words)


def checksum(tokens: Tensor) -> int:
    """CRC-32 of the tokens."""
    return zlib.crc32(tokens.numpy().astype("<i4").tobytes())
