"""log2 of the ratio without the half, as if D fell by 2 for each bit."""
# loses: test_shannon


# --- shannon_rate ---
def shannon_rate(distortion, variance):
    return max(0.0, math.log2(variance / distortion))
