"""The largest product: a long code wins everywhere."""
# loses: test_angle


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    return (vectors @ codes.T).argmax(1)
