"""The smallest cosine, which is the largest angle."""
# loses: test_angle


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    return F.cosine_similarity(vectors[:, None], codes[None], dim=-1).argmin(1)
