"""Moves only the codes chosen in this batch; rare codes lag behind."""
# loses: test_guard, test_guard_nan


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    return torch.where((n > 0)[:, None], candidate, codes)
