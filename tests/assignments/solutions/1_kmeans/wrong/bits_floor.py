"""A tiny floor against log 0 makes unseen tokens absurdly dear, and the q add up to more than 1."""
# loses: test_token_bits, test_unseen


# --- token_bits ---
def token_bits(indices, counts):
    q = (counts / counts.sum().clamp(min=1)).clamp(min=1e-10)
    return -q.log2()[indices].mean().item()
