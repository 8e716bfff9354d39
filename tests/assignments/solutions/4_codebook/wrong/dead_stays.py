"""Thinks that a code without vectors stays where it is."""
# loses: test_dead_length


# --- dead_length ---
def dead_length(length, t, decay, total, num_codes, eps):
    return length
