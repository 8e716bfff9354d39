"""Follows the formula everywhere, as the ports do."""
# loses: test_guard, test_guard_nan


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    return candidate.clone()
