"""A code whose count is exactly the limit moves."""


# loses: test_guard
# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    fades = (N < min_count) & (n == 0)
    return torch.where(fades[:, None], codes, candidate)
