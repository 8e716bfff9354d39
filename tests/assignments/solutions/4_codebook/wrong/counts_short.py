"""Counts and sums end at the largest index that occurred, not at K."""
# loses: test_counts, test_sums


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    chosen = F.one_hot(indices).float()
    return chosen.sum(0), chosen.T @ vectors
