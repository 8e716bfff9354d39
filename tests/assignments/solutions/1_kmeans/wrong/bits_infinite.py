"""The counts as they are: a token that was never seen costs infinitely many bits."""
# loses: test_token_bits, test_unseen


# --- token_bits ---
def token_bits(indices, counts):
    return -(counts / counts.sum()).log2()[indices].mean().item()
