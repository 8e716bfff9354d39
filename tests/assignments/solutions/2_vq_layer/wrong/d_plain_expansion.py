"""The square is expanded as in the book. Near 1000 the squares are of order 10⁷ and their
differences of order 1 are lost in float32."""


# loses: test_distances_far
# --- distances ---
def distances(vectors, codebook):
    z2 = vectors.square().sum(1, keepdim=True)
    e2 = codebook.square().sum(1)
    return z2 - 2 * vectors @ codebook.T + e2
