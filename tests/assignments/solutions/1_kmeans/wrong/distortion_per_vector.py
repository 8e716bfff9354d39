"""Sums over the numbers of a vector and divides by the vectors only: blocks of other length cannot
be compared.
"""
# loses: test_distortion


# --- distortion ---
def distortion(vectors, codes, indices):
    return (vectors - codes[indices]).square().sum(1).mean()
