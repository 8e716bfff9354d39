"""Looks at the last centre only, so that earlier ones are chosen again."""
# loses: test_start, test_start_edges


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    d = (vectors - centres[-1]).square().sum(1)
    return d / d.sum() if d.sum() > 0 else torch.full_like(d, 1 / len(d))
