"""Shifts the grid that it was given."""


# loses: test_row_shift
# --- row ---
def row(indices, labels, num_codes):
    line = indices.flatten(1)
    line[:, 1:] = line[:, :-1].clone()
    line[:, 0] = num_codes + labels
    return line
