"""Normalises over the wrong axis."""
# loses: test_angle


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    return (F.normalize(vectors, dim=0) @ F.normalize(codes, dim=0).T).argmax(1)
