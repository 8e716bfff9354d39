"""Normalises the vectors and forgets the codes."""
# loses: test_angle


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    return (F.normalize(vectors, dim=1) @ codes.T).argmax(1)
