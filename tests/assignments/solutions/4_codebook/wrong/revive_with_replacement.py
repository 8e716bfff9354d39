"""Draws with replacement, so that two codes can land on one vector."""
# loses: test_few, test_revived


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes, N, m = codes.clone(), N.clone(), m.clone()
    chosen = vectors[torch.randint(len(vectors), (int(dead.sum()),))]
    codes[dead], N[dead], m[dead] = chosen, weight, weight * chosen
    return codes, N, m
