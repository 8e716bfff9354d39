"""Asks for "better" everywhere, so that nothing dominates at equal bits."""
# loses: test_dominates


# --- dominates ---
def dominates(a, b):
    return all(x < y for x, y in zip(a, b, strict=True))
