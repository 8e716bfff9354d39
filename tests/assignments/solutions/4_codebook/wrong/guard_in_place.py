"""Writes into the codebook that it was given."""
# loses: test_guard_nan


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    moves = N.gt(min_count) | n.gt(0)
    codes[moves] = candidate[moves]
    return codes
