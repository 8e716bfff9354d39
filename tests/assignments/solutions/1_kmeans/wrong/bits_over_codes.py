"""The entropy of the model instead of the cost of these tokens."""
# loses: test_token_bits, test_unseen


# --- token_bits ---
def token_bits(indices, counts):
    q = (counts + 1) / (counts + 1).sum()
    return -(q * q.log2()).sum().item()
