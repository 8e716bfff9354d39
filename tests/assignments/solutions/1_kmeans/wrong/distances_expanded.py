"""The expansion of the square, as in many papers' code. Right on paper and near the origin; far
from it large numbers are subtracted.
"""
# loses: test_far


# --- squared_distances ---
def squared_distances(vectors, codes):
    own = (vectors**2).sum(1, keepdim=True)
    return own - 2 * vectors @ codes.T + (codes**2).sum(1)
