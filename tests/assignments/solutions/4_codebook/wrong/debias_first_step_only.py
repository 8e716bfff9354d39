"""Divides by 1 − γ for ever, which is right only at t = 1."""
# loses: test_debiased


# --- debiased ---
def debiased(average, t, decay):
    return average / (1 - decay)
