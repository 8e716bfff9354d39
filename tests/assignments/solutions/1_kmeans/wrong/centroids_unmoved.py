"""Nothing moves at all."""


# loses: test_centroids, test_empty
# --- centroids ---
def centroids(vectors, indices, codes):
    return codes.clone()
