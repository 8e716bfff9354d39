"""A floor at ε, which avoids the division by zero but is no smoothing."""
# loses: test_smoothed


# --- smoothed ---
def smoothed(N, eps):
    return N.clamp(min=eps)
