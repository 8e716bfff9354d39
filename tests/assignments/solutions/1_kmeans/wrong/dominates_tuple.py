"""`a < b` compares tuples as a dictionary compares words: only the first difference counts."""
# loses: test_dominates


# --- dominates ---
def dominates(a, b):
    return a < b
