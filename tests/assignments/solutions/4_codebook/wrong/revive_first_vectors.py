"""Always the first vectors of the batch, which are neighbouring places of one picture."""
# loses: test_revived


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes, N, m = codes.clone(), N.clone(), m.clone()
    where = dead.nonzero()[:, 0][: len(vectors)]
    chosen = vectors[: len(where)]
    codes[where], N[where], m[where] = chosen, weight, weight * chosen
    return codes, N, m
