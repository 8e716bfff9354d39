"""The bound over the distortion: every quantiser gets a negative distance."""
# loses: test_gap


# --- gap ---
def gap(distortion, rate, variance):
    return 10 * math.log10(variance * 4**-rate / distortion)
