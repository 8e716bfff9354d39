"""A distortion above the variance would cost fewer than no bits."""
# loses: test_shannon


# --- shannon_rate ---
def shannon_rate(distortion, variance):
    return 0.5 * math.log2(variance / distortion)
