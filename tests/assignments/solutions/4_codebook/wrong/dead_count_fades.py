"""Lets the count fade like the sum, as if N had started at 1."""
# loses: test_dead_length


# --- dead_length ---
def dead_length(length, t, decay, total, num_codes, eps):
    N_hat = (decay**t + eps) / (total + num_codes * eps) * total
    return length * decay**t / N_hat
