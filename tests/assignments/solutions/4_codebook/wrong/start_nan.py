"""0 / 0 when every vector lies on a centre."""
# loses: test_start_edges


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    d = (vectors[:, None] - centres).square().sum(2).amin(1)
    return d / d.sum()
