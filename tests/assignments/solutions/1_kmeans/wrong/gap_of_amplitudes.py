"""20 log10 is for amplitudes; a distortion is a power already."""
# loses: test_gap


# --- gap ---
def gap(distortion, rate, variance):
    return 20 * math.log10(distortion / (variance * 2 ** (-2 * rate)))
