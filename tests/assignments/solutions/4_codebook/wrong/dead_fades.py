"""Sees that m fades, and takes the count for 1: the division by nearly nothing is forgotten."""
# loses: test_dead_length


# --- dead_length ---
def dead_length(length, t, decay, total, num_codes, eps):
    return length * decay**t
