"""`S[indices] += vectors` keeps one vector where an index repeats."""
# loses: test_sums


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    n = indices.bincount(minlength=num_codes).to(vectors.dtype)
    S = torch.zeros(num_codes, vectors.shape[1])
    S[indices] += vectors
    return n, S
