"""The expanded square, which loses its digits far from the origin."""


# loses: test_start
# --- start_probabilities ---
def start_probabilities(vectors, centres):
    norms = vectors.square().sum(1)[:, None] + centres.square().sum(1)
    distance = (norms - 2 * vectors @ centres.T).amin(1)
    if distance.sum() <= 0:
        return torch.full((len(vectors),), 1 / len(vectors))
    return distance / distance.sum()
