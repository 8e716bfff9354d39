"""Counts the first step as 0, or thinks that the average is one step younger."""
# loses: test_debiased


# --- debiased ---
def debiased(average, t, decay):
    return average / (1 - decay ** max(t - 1, 1))
