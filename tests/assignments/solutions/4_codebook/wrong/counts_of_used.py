"""`unique` gives the counts of the codes that occur, without the zeros between them."""
# loses: test_counts


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    n = indices.unique(return_counts=True)[1].float()
    S = torch.zeros(num_codes, vectors.shape[1]).index_add_(0, indices, vectors)
    return n, S
