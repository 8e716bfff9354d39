"""Moves the codes only. The next update takes m / N and pulls them back."""
# loses: test_memory


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes = codes.clone()
    where = dead.nonzero()[:, 0]
    pick = torch.randperm(len(vectors))[: len(where)]
    codes[where[: len(pick)]] = vectors[pick]
    return codes, N.clone(), m.clone()
