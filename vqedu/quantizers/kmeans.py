"""Nearest codes and k-means: what a quantiser does, without a network around it."""

import torch
from torch import Tensor

from ..errors import InputError

# At most this many distances in memory at once: 4 MiB in float32, which stay in a CPU's cache.
CHUNK_ENTRIES = 1 << 20
GPU_CHUNK_ENTRIES = 1 << 26  # 256 MiB: there the number of calls is what costs


@torch.no_grad()
def assign(vectors: Tensor, codebook: Tensor) -> Tensor:
    r"""The index of the nearest code, for each vector.

    Expands :math:`\|z - e\|^2 = \|z\|^2 - 2 z \cdot e + \|e\|^2` and drops the first term, which
    does not depend on the code: one matrix product instead of N·K differences. The distances
    are worked out in slices, so that the N×K matrix never exists whole.

    Args:
        vectors: (N, D), the vectors to quantise.
        codebook: (K, D), the codes.

    Returns:
        (N,) int64, values in [0, K). Of two codes at the same distance, either may be chosen.

    Raises:
        InputError: the two are not (N, D) and (K, D) with N and K at least 1.

    Source: van den Oord et al. 2017, Eq. 1 and 2. Derived in ``chapters/05_vqvae``.
    """
    if vectors.ndim != 2 or codebook.ndim != 2 or vectors.shape[1] != codebook.shape[1]:
        raise InputError(
            "assign needs vectors (N, D) and a codebook (K, D); "
            f"got {tuple(vectors.shape)} and {tuple(codebook.shape)}"
        )
    if len(vectors) == 0 or len(codebook) == 0:
        raise InputError(f"assign got {len(vectors)} vectors and {len(codebook)} codes")
    centre = codebook.mean(0)  # far from the origin the expansion would lose digits
    vectors, codebook = vectors - centre, codebook - centre
    half_norms = codebook.square().sum(1) / 2  # (K,)
    entries = CHUNK_ENTRIES if vectors.device.type == "cpu" else GPU_CHUNK_ENTRIES
    chunk = max(1, entries // len(codebook))
    distances = vectors.new_empty(min(chunk, len(vectors)), len(codebook))
    parts = []
    for part in vectors.split(chunk):
        out = distances[: len(part)]  # new memory for each slice would cost more than the product
        parts.append(torch.addmm(half_norms, part, codebook.T, alpha=-1, out=out).argmin(1))
    return torch.cat(parts)


@torch.no_grad()
def _spread_out_start(vectors: Tensor, num_codes: int) -> Tensor:
    """k-means++: each new centre is a vector drawn with probability ∝ squared distance to the
    nearest centre so far (Arthur and Vassilvitskii 2007)."""
    first = torch.randint(len(vectors), (1,), device=vectors.device)
    centres = [vectors[first]]
    distance = (vectors - centres[0]).square().sum(1)
    for _ in range(num_codes - 1):
        if distance.sum() <= 0:  # fewer distinct vectors than codes: any vector will do
            pick = torch.randint(len(vectors), (1,), device=vectors.device)
        else:
            pick = torch.multinomial(distance, 1)
        centres.append(vectors[pick])
        distance = torch.minimum(distance, (vectors - centres[-1]).square().sum(1))
    return torch.cat(centres)


@torch.no_grad()
def kmeans(vectors: Tensor, num_codes: int, iterations: int = 10) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from a k-means++ start.

    Args:
        vectors: (N, D), finite.
        num_codes: K, at least 1. With fewer distinct vectors than codes, codes repeat.
        iterations: rounds of "assign, then move each code to the mean of its vectors".

    Returns:
        ``(codebook, counts)``: (K, D) centres and (K,) int64 vectors in each cell. A centre
        whose cell is empty stays where it is.

    Raises:
        InputError: no vectors, or K below 1.

    Source: Linde, Buzo and Gray 1980; van den Oord et al. 2017, Appendix A, relates it to the
    EMA update. Written out in ``chapters/02_concepts``; every quantiser with a codebook of its own
    starts with it.
    """
    if vectors.ndim != 2 or len(vectors) == 0:
        raise InputError(f"kmeans needs vectors of shape (N, D), N >= 1; got {vectors.shape}")
    if num_codes < 1:
        raise InputError(f"kmeans needs at least one code; got num_codes={num_codes}")
    codebook = _spread_out_start(vectors, num_codes)
    for _ in range(iterations):
        indices = assign(vectors, codebook)
        counts, sums = count_and_sum(vectors, indices, num_codes)
        means = sums / counts.clamp(min=1)[:, None]
        codebook = torch.where(counts[:, None] > 0, means, codebook)
    counts = assign(vectors, codebook).bincount(minlength=num_codes)
    return codebook, counts


@torch.no_grad()
def count_and_sum(vectors: Tensor, indices: Tensor, num_codes: int) -> tuple[Tensor, Tensor]:
    """How many vectors fell to each code, and their sum: (K,) and (K, D), in ``vectors``' dtype."""
    counts = indices.bincount(minlength=num_codes).to(vectors.dtype)
    sums = vectors.new_zeros(num_codes, vectors.shape[1]).index_add_(0, indices, vectors)
    return counts, sums
