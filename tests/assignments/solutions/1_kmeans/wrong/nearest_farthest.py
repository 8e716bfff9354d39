"""argmax, as with the logits of a classifier."""
# loses: test_nearest


# --- nearest ---
def nearest(distances):
    return distances.argmax(1)
