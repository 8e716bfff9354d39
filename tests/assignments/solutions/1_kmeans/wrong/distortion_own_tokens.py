"""Looks for the nearest code itself and ignores the tokens it was given."""
# loses: test_distortion


# --- distortion ---
def distortion(vectors, codes, indices):
    return (vectors - codes[assign(vectors, codes)]).square().mean()
