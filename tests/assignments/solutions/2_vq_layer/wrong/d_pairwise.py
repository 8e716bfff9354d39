"""The library's pairwise distance, which makes all differences after all."""


# loses: test_distances_memory
# --- distances ---
def distances(vectors, codebook):
    return F.pairwise_distance(vectors[:, None], codebook[None], eps=0) ** 2
