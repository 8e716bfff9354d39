"""Vectors and codes are each moved to their own mean, which changes the distances between them."""


# loses: test_distances, test_distances_far
# --- distances ---
def distances(vectors, codebook):
    vectors, codebook = vectors - vectors.mean(0), codebook - codebook.mean(0)
    norms = vectors.square().sum(1)[:, None] + codebook.square().sum(1)
    return norms - 2 * vectors @ codebook.T
