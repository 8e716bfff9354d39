"""Returns the smallest distance, not where it is."""
# loses: test_nearest


# --- nearest ---
def nearest(distances):
    return distances.min(dim=1)[0]
