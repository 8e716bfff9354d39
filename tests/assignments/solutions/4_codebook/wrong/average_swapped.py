"""γ on the new batch: the past is forgotten at once."""
# loses: test_average


# --- average ---
def average(old, new, decay):
    return (1 - decay) * old + decay * new
