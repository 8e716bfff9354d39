"""0 · log 0 is NaN for the machine."""
# loses: test_unused


# --- entropy ---
def entropy(indices, num_codes):
    p = indices.flatten().bincount(minlength=num_codes) / indices.numel()
    return -(p * p.log2()).sum()
