"""A mean over the codes of p log p instead of the sum."""
# loses: test_entropy, test_unused


# --- entropy ---
def entropy(indices, num_codes):
    p = indices.flatten().bincount(minlength=num_codes) / indices.numel()
    p = p[p > 0]
    return -(p * p.log2()).mean().item()
