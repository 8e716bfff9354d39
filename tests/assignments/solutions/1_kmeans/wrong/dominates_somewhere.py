"""Better in one coordinate is enough: then each of two points can dominate the other."""
# loses: test_dominates


# --- dominates ---
def dominates(a, b):
    return any(x < y for x, y in zip(a, b, strict=True))
