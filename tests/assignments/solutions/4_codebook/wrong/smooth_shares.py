"""Returns frequencies: the last factor, the sum of N, is forgotten."""
# loses: test_smoothed


# --- smoothed ---
def smoothed(N, eps):
    return (N + eps) / (N.sum() + len(N) * eps)
