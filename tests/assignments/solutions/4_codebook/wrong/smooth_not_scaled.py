"""Adds ε and leaves the sum larger than it was."""
# loses: test_smoothed


# --- smoothed ---
def smoothed(N, eps):
    return N + eps
