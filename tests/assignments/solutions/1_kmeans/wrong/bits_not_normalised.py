"""Adds one to each count but divides by the old sum: the q add up to more than 1, and tokens look
too cheap.
"""
# loses: test_token_bits


# --- token_bits ---
def token_bits(indices, counts):
    return -((counts + 1) / counts.sum().clamp(min=1)).log2()[indices].mean().item()
