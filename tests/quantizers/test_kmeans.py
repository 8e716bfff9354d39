"""Nearest codes against brute force, and Lloyd's algorithm against a loop written out here."""

from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vqedu.errors import InputError
from vqedu.quantizers import assign, kmeans
from vqedu.quantizers.kmeans import count_and_sum

MODULE = import_module("vqedu.quantizers.kmeans")  # the package exports the function by this name
sizes = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 20))  # N, D, K


def squared_distances(vectors, codes):
    """(N, K), from the definition, in float64."""
    return (vectors.double()[:, None] - codes.double()[None]).square().sum(2)


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(0, 2**20), st.sampled_from([0.01, 1.0, 30.0]))
def test_assign_finds_a_nearest_code(size, seed, scale):
    n, d, k = size
    generator = torch.Generator().manual_seed(seed)
    vectors = scale * torch.randn(n, d, generator=generator)
    codes = scale * torch.randn(k, d, generator=generator)
    indices = assign(vectors, codes)
    assert indices.shape == (n,)
    assert indices.dtype == torch.int64
    distances = squared_distances(vectors, codes)
    chosen = distances.gather(1, indices[:, None])[:, 0]
    # Another code than brute force's only where both are equally far, up to rounding.
    torch.testing.assert_close(chosen, distances.min(1).values, rtol=1e-5, atol=1e-4 * scale**2)


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(0, 2**20))
def test_assign_on_a_lattice_is_exact(size, seed):
    """Small whole numbers have no rounding, and many ties: the distance must be the least."""
    n, d, k = size
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randint(-2, 3, (n, d), generator=generator).float()
    codes = torch.randint(-2, 3, (k, d), generator=generator).float()
    distances = squared_distances(vectors, codes)
    chosen = distances.gather(1, assign(vectors, codes)[:, None])[:, 0]
    assert torch.equal(chosen, distances.min(1).values)


def test_assign_agrees_with_cdist():
    torch.manual_seed(0)
    vectors, codes = torch.randn(500, 16), torch.randn(64, 16)
    assert torch.equal(assign(vectors, codes), torch.cdist(vectors, codes).argmin(1))


@pytest.mark.parametrize("entries", [1, 7, 24, 1000])
def test_slices_change_nothing(monkeypatch, entries):
    torch.manual_seed(0)
    vectors, codes = torch.randn(50, 4, dtype=torch.float64), torch.randn(8, 4, dtype=torch.float64)
    whole = assign(vectors, codes)
    seen = []
    split = torch.Tensor.split
    monkeypatch.setattr(MODULE, "CHUNK_ENTRIES", entries)
    monkeypatch.setattr(
        torch.Tensor, "split", lambda self, size: seen.append(size) or split(self, size)
    )
    assert torch.equal(assign(vectors, codes), whole)
    assert seen == [max(1, entries // 8)]  # never more distances at once than allowed


def test_assign_keeps_no_graph():
    vectors, codes = torch.randn(5, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    assert not assign(vectors, codes).requires_grad


def test_count_and_sum():
    vectors = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    counts, sums = count_and_sum(vectors, torch.tensor([2, 0, 2]), 4)
    assert counts.tolist() == [1, 0, 2, 0]
    assert sums.tolist() == [[3, 4], [0, 0], [6, 8], [0, 0]]


def clusters(n_clusters=40, each=20, dim=8, noise=0.01):
    """Vectors in groups that lie far apart, and the group of each vector."""
    centres = torch.randn(n_clusters, dim) * 5
    labels = torch.arange(n_clusters).repeat_interleave(each)
    return centres[labels] + noise * torch.randn(len(labels), dim), labels, centres


@pytest.mark.parametrize("seed", range(3))
def test_separated_clusters_are_recovered(seed):
    torch.manual_seed(seed)
    vectors, labels, centres = clusters()
    codebook, counts = kmeans(vectors, 40)
    nearest = torch.cdist(centres, codebook)
    assert nearest.min(1).values.max() < 0.05  # one code on each centre
    assert nearest.argmin(1).unique().numel() == 40
    assert (counts == 20).all()
    indices = assign(vectors, codebook)
    for label in range(40):
        assert indices[labels == label].unique().numel() == 1


def test_counts_belong_to_the_returned_codebook():
    torch.manual_seed(0)
    vectors = torch.randn(200, 3)
    codebook, counts = kmeans(vectors, 12, iterations=2)
    assert counts.dtype == torch.int64
    assert counts.sum() == 200
    assert torch.equal(counts, assign(vectors, codebook).bincount(minlength=12))


def lloyd(vectors, codebook, iterations):
    """Assign, then move each code to the mean of its vectors: one vector at a time."""
    codebook = [code.tolist() for code in codebook]
    for _ in range(iterations):
        cells = [[] for _ in codebook]
        for vector in vectors.tolist():
            distance = [
                sum((a - b) ** 2 for a, b in zip(vector, code, strict=True)) for code in codebook
            ]
            cells[distance.index(min(distance))].append(vector)
        for k, cell in enumerate(cells):
            if cell:
                codebook[k] = [sum(column) / len(cell) for column in zip(*cell, strict=True)]
    return torch.tensor(codebook, dtype=vectors.dtype)


def test_kmeans_is_lloyds_algorithm(monkeypatch):
    torch.manual_seed(0)
    vectors = torch.randn(60, 3, dtype=torch.float64)
    start = torch.cat([vectors[:5], torch.full((1, 3), 100.0, dtype=torch.float64)])
    monkeypatch.setattr(MODULE, "_spread_out_start", lambda v, k: start.clone())
    for iterations in (0, 1, 4):
        codebook, counts = kmeans(vectors, 6, iterations)
        torch.testing.assert_close(codebook, lloyd(vectors, start, iterations))
    assert counts[5] == 0
    assert torch.equal(codebook[5], start[5])  # an empty cell's centre stays where it is


def test_start_is_spread_out():
    """k-means++ never draws a vector that a centre already covers while others are left."""
    torch.manual_seed(0)
    vectors = torch.eye(6).repeat(50, 1)
    codebook, counts = kmeans(vectors, 6, iterations=0)
    assert torch.equal(codebook.unique(dim=0), torch.eye(6).unique(dim=0))
    assert (counts == 50).all()


@pytest.mark.parametrize("n", [1, 3])
def test_fewer_vectors_than_codes(n):
    torch.manual_seed(0)
    vectors = torch.randn(n, 4)
    codebook, counts = kmeans(vectors, 10)
    assert codebook.shape == (10, 4)
    assert torch.isfinite(codebook).all()
    assert counts.sum() == n
    torch.testing.assert_close(codebook[assign(vectors, codebook)], vectors)
    assert torch.cdist(codebook, vectors).min(1).values.max() < 1e-3  # no code off the data


def test_all_vectors_alike():
    codebook, counts = kmeans(torch.ones(20, 3), 4)
    assert torch.equal(codebook, torch.ones(4, 3))
    assert counts.sum() == 20


def test_input_is_left_alone():
    vectors = torch.randn(30, 2)
    before = vectors.clone()
    kmeans(vectors, 4)
    assert torch.equal(vectors, before)


@pytest.mark.parametrize("vectors", [torch.zeros(0, 3), torch.zeros(4), torch.zeros(2, 3, 4)])
def test_no_vectors(vectors):
    with pytest.raises(InputError, match=r"shape \(N, D\), N >= 1"):
        kmeans(vectors, 2)


def test_no_codes():
    with pytest.raises(InputError, match="at least one code; got num_codes=0"):
        kmeans(torch.zeros(4, 2), 0)


@pytest.mark.parametrize("offset", [10.0, 100.0])
def test_assign_far_from_the_origin(offset):
    """The expanded square loses digits there; a plain difference does not."""
    torch.manual_seed(0)
    codebook = 0.1 * torch.randn(32, 64) + offset
    vectors = 0.1 * torch.randn(500, 64) + offset
    plain = (vectors[:, None].double() - codebook.double()).square().sum(2)
    chosen = plain.gather(1, assign(vectors, codebook)[:, None])[:, 0]
    torch.testing.assert_close(chosen, plain.min(1).values, rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("vectors", "codebook", "message"),
    [
        ((4, 3), (2, 2), r"got \(4, 3\) and \(2, 2\)"),
        ((4, 3, 1), (2, 3), "needs vectors"),
        ((0, 3), (2, 3), "0 vectors and 2 codes"),
        ((4, 3), (0, 3), "4 vectors and 0 codes"),
    ],
)
def test_assign_checks_its_shapes(vectors, codebook, message):
    with pytest.raises(InputError, match=message):
        assign(torch.zeros(vectors), torch.zeros(codebook))
