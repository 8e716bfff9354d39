"""Multiplies by the share instead of dividing by it."""
# loses: test_debiased


# --- debiased ---
def debiased(average, t, decay):
    return average * (1 - decay**t)
