"""A softmax of the distances: positive even where a centre is, and exponential in the distance."""
# loses: test_start


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    return (vectors[:, None] - centres).square().sum(2).amin(1).softmax(0)
