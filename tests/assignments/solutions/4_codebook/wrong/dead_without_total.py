"""N-hat of an empty cell taken as a share of the sum, without the factor that scales it back."""
# loses: test_dead_length


# --- dead_length ---
def dead_length(length, t, decay, total, num_codes, eps):
    return length * decay**t / (eps / (total + num_codes * eps))
