"""One ε in the sum, where there are K of them."""
# loses: test_smoothed


# --- smoothed ---
def smoothed(N, eps):
    total = N.sum()
    return (N + eps) / (total + eps) * total
