"""Mixes by multiplication: 0 times NaN is NaN."""
# loses: test_guard_nan


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    moves = (N.gt(min_count) | n.gt(0)).float()[:, None]
    return moves * candidate + (1 - moves) * codes
