"""The transformer's blocks, for both transformer priors."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError


class Cache:
    """Keys and values of one layer, for the positions read so far; the room is there from the
    start, so that no step copies what an earlier one wrote."""

    def __init__(self, room: Tensor):
        """``room``: (2, B, heads, N, d), its values are of no account."""
        self.room, self.length = room, 0

    def extend(self, kv: Tensor) -> Tensor:
        """(2, B, heads, T, d) of the next T positions -> those of all positions so far."""
        start, self.length = self.length, self.length + kv.shape[3]
        self.room[:, :, :, start : self.length] = kv
        return self.room[:, :, :, : self.length]


class Block(nn.Module):
    """Attention and a two-layer perceptron, each added to what it was given, with the norm
    before it (pre-LN).

    Args:
        width: channels C; divisible by heads.
        heads: attention heads.
        dropout: of what is added.
        causal: a position sees itself and those before it; else all.

    Source: Vaswani et al. 2017, §3.2; norm, GELU and four times the width inside as in GPT-2
    (Radford et al. 2019).
    """

    def __init__(self, width: int, heads: int, dropout: float, *, causal: bool):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """(B, T, C) -> (B, T, C). With a cache, x holds the positions after those in it: all of
        them when it is empty, else a single one."""
        x = x + self.dropout(self.out(self._attend(self.norm1(x), cache)))
        return x + self.dropout(self.down(F.gelu(self.up(self.norm2(x)))))

    def _attend(self, x: Tensor, cache: Cache | None) -> Tensor:
        b, t, c = x.shape
        qkv = self.qkv(x).view(b, t, 3, self.heads, c // self.heads)
        qkv = qkv.permute(2, 0, 3, 1, 4)  # (B, T, 3, heads, d) -> (3, B, heads, T, d)
        q, kv = qkv[0], qkv[1:]
        if cache is not None:
            kv = cache.extend(kv)
        # A single query is the last position, and sees all.
        y = F.scaled_dot_product_attention(q, kv[0], kv[1], is_causal=self.causal and t > 1)
        return y.transpose(1, 2).reshape(b, t, c)  # (B, heads, T, d) -> (B, T, C)


class Network(nn.Module):
    """Embedding, blocks and head: a sequence of symbols goes in, logits of K codes come out.

    Args:
        symbols: number of different symbols, the codes first and then special ones.
        num_codes: K.
        length: N, the longest sequence; each of its positions has a learned embedding.
        width: channels.
        layers: number of blocks.
        heads: attention heads; width must be divisible by it.
        dropout: of the embedding and in the blocks.
        causal: see :class:`Block`.

    Raises:
        InputError: a width that is not divisible by heads.
    """

    def __init__(self, symbols, num_codes, length, *, width, layers, heads, dropout, causal):
        super().__init__()
        if width % heads:
            raise InputError(f"width must be divisible by heads; got {width} and {heads}")
        self.embed = nn.Embedding(symbols, width)
        self.position = nn.Parameter(torch.empty(length, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(width, heads, dropout, causal=causal) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_codes)
        self._initialise()

    def _initialise(self) -> None:
        """N(0, 0.02), biases 0; what is added to the residual path starts smaller by the root of
        the number of additions (Radford et al. 2019, §2.3)."""
        nn.init.normal_(self.position, 0, 0.02)
        for name, p in self.named_parameters():
            if name.endswith(("qkv.weight", "up.weight", "head.weight", "embed.weight")):
                nn.init.normal_(p, 0, 0.02)
            elif name.endswith(("out.weight", "down.weight")):
                nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * len(self.blocks)))
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, symbols: Tensor, caches: list[Cache] | None = None) -> Tensor:
        """(B, T) symbols -> (B, T, C), what the head makes logits of. With caches, the symbols are
        those after the positions in the caches; see :meth:`Block.forward`."""
        start = caches[0].length if caches else 0
        x = self.embed(symbols) + self.position[start : start + symbols.shape[1]]
        x = self.dropout(x)
        for block, cache in zip(self.blocks, caches or [None] * len(self.blocks), strict=True):
            x = block(x, cache)
        return self.norm(x)

    def new_caches(self, batch: int) -> list[Cache]:
        """Empty caches for all positions."""
        length, width = self.position.shape
        heads = self.blocks[0].heads
        shape = (len(self.blocks), 2, batch, heads, length, width // heads)
        return [Cache(room) for room in self.position.new_empty(shape)]
