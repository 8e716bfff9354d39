"""The half widths of the two lists are added: what pairs have in common is not taken out."""


# loses: test_paired_half
# --- paired ---
def paired(first, second):
    if len(first) != len(second):
        raise ValueError("no pairs")
    (a, h), (b, i) = results.interval(first), results.interval(second)
    return b - a, h + i
