"""Fails when the batch has fewer vectors than there are dead codes."""
# loses: test_few


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes, N, m = codes.clone(), N.clone(), m.clone()
    chosen = vectors[torch.randperm(len(vectors))[: int(dead.sum())]]
    codes[dead], N[dead], m[dead] = chosen, weight, weight * chosen
    return codes, N, m
