"""Only N counts, so that a faded code that was chosen in this batch stays away."""
# loses: test_guard


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    return torch.where(N.gt(min_count)[:, None], candidate, codes)
