"""All dead codes onto one and the same vector."""
# loses: test_few, test_revived


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    v = vectors[torch.randint(len(vectors), (1,))]
    codes = torch.where(dead[:, None], v, codes)
    N = torch.where(dead, torch.tensor(weight), N)
    m = torch.where(dead[:, None], weight * v, m)
    return codes, N, m
