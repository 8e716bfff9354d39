"""Takes the frequencies of the tokens to be sent, which the receiver cannot know."""
# loses: test_token_bits, test_unseen


# --- token_bits ---
def token_bits(indices, counts):
    p = indices.bincount(minlength=len(counts)) / len(indices)
    p = p[p > 0]
    return -(p * p.log2()).sum().item()
