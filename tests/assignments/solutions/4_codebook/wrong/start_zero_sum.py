"""A small number in the denominator against 0 / 0: then all probabilities are 0, and nothing can
be drawn.
"""
# loses: test_start_edges


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    d = (vectors[:, None] - centres).square().sum(2).amin(1)
    return d / (d.sum() + 1e-8)
