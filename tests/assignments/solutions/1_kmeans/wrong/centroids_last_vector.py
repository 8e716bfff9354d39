"""`sums[indices] += vectors` looks like a sum over the cell, but repeated indices are written over
each other.
"""
# loses: test_centroids


# --- centroids ---
def centroids(vectors, indices, codes):
    sums, counts = torch.zeros_like(codes), indices.bincount(minlength=len(codes))[:, None]
    sums[indices] += vectors
    return torch.where(counts > 0, sums / counts.clamp(min=1), codes)
