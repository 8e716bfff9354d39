"""Moves the codes that are in use: the mask is turned round."""
# loses: test_few, test_memory, test_revived


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes, N, m = codes.clone(), N.clone(), m.clone()
    where = (~dead).nonzero()[:, 0][: len(vectors)]
    chosen = vectors[torch.randperm(len(vectors))[: len(where)]]
    codes[where], N[where], m[where] = chosen, weight, weight * chosen
    return codes, N, m
