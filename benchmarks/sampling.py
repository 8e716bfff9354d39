"""256 tokens of an image: with a cache, without one, from x-transformers, and in 8 steps."""

import torch
from timing import Row, in_turns, median, ratio
from torch import Tensor
from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper

from vqedu.priors import MaskedTransformer, Transformer, draw

K, GRID, WIDTH, LAYERS, HEADS = 1024, (16, 16), 256, 6, 8
TOKENS = GRID[0] * GRID[1]
EVERY = 16  # of the steps without a cache, one in so many is run


def without_cache(prior: Transformer, labels: Tensor) -> None:
    """One step in ``EVERY`` of sampling that runs the whole prefix for each token, as minGPT and
    taming-transformers do. These prefixes are on average as long as all of them."""
    row = torch.zeros(len(labels), TOKENS, dtype=torch.int64)
    row[:, 0] = K + labels
    with torch.no_grad():
        for length in range(EVERY // 2, TOKENS, EVERY):
            draw(prior.net.head(prior.net(row[:, :length]))[:, -1])


def theirs() -> AutoregressiveWrapper:
    """The same size from x-transformers."""
    options = {"dim": WIDTH, "depth": LAYERS, "heads": HEADS}
    blocks = Decoder(**options, attn_dim_head=WIDTH // HEADS, attn_flash=True)
    net = TransformerWrapper(num_tokens=K + 1, max_seq_len=TOKENS + 1, attn_layers=blocks)
    return AutoregressiveWrapper(net).eval()


def contestants(batch: int) -> dict:
    torch.manual_seed(0)
    sizes = {"width": WIDTH, "layers": LAYERS, "heads": HEADS}
    prior, masked = (P(K, 1, GRID, **sizes).eval() for P in (Transformer, MaskedTransformer))
    net, labels = theirs(), torch.zeros(batch, dtype=torch.int64)
    options = {"cache_kv": True, "filter_logits_fn": lambda logits: logits}  # no top-k, as ours
    return {
        "vqedu Transformer": lambda: prior.sample(labels),
        "without a cache": lambda: without_cache(prior, labels),
        "x-transformers": lambda: net.generate(labels[:, None] + K, TOKENS, **options),
        "vqedu MaskedTransformer": lambda: masked.sample(labels, steps=8),
    }


def run(repeats: int = 5) -> list[Row]:
    rows = []
    for batch in (1, 8):
        images = f"{batch} image" + "s" * (batch > 1)
        seconds = in_turns(contestants(batch), repeats if batch == 1 else max(3, repeats // 2), 1)
        cached, uncached, other, masked = seconds.values()
        uncached = [EVERY * s for s in uncached]
        for name, mine, reference, versus, target in (
            ("vqedu Transformer", cached, uncached, "without a cache", ">= 8"),
            ("vqedu Transformer", cached, other, "x-transformers, cached", ">= 1"),
            ("vqedu MaskedTransformer, 8 steps", masked, cached, "vqedu Transformer", ">= 5"),
        ):
            faster = ratio(reference, mine)
            note = f"times as fast; {LAYERS} blocks of width {WIDTH}, K = {K}"
            rows.append(Row(f"{images}: {name}", median(mine), faster, versus, target, note))
    return rows
