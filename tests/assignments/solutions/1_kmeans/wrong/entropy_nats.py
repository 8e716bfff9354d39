"""The natural logarithm: nats instead of bits."""
# loses: test_entropy, test_unused


# --- entropy ---
def entropy(indices, num_codes):
    p = indices.flatten().bincount(minlength=num_codes) / indices.numel()
    return -torch.special.xlogy(p, p).sum()
