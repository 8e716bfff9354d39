"""Writes the means into the tensor of its caller."""
# loses: test_arguments


# --- centroids ---
def centroids(vectors, indices, codes):
    for j in indices.unique():
        codes[j] = vectors[indices == j].mean(0)
    return codes
