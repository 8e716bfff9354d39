"""Returns the means of the cells: an average of means weighs a cell of one vector like one of a
hundred.
"""
# loses: test_sums


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    chosen = F.one_hot(indices, num_codes).float()
    n = chosen.sum(0)
    return n, chosen.T @ vectors / n.clamp(min=1)[:, None]
