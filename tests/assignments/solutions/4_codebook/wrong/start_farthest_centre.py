"""The distance to the farthest of the centres."""
# loses: test_start


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    d = (vectors[:, None] - centres).square().sum(2).max(1).values
    return d / d.sum() if d.sum() > 0 else torch.full_like(d, 1 / len(d))
