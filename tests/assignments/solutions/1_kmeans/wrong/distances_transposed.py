"""Codes go down and vectors across: the axes are mixed up."""
# loses: test_distances, test_far


# --- squared_distances ---
def squared_distances(vectors, codes):
    return (codes[:, None] - vectors[None]).pow(2).sum(2)
