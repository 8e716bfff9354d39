"""One row for each code and one column for each vector."""


# loses: test_distances, test_distances_far
# --- distances ---
def distances(vectors, codebook):
    centre = vectors.mean(0)
    vectors, codebook = vectors - centre, codebook - centre
    table = codebook.square().sum(1)[:, None] - 2 * codebook @ vectors.T
    return table + vectors.square().sum(1)
