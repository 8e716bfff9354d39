"""Nowhere worse, but not somewhere better: a point dominates itself."""
# loses: test_dominates


# --- dominates ---
def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True))
