"""cdist expands the square too, from 26 rows on, and loses the digits far from the origin."""


# loses: test_distances_far
# --- distances ---
def distances(vectors, codebook):
    return torch.cdist(vectors, codebook).square()
