"""The factor 1 − γ is missing: a sum that grows, not an average."""
# loses: test_average


# --- average ---
def average(old, new, decay):
    return decay * old + new
