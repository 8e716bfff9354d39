"""Changes the caller's N and m."""
# loses: test_memory


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes = codes.clone()
    where = dead.nonzero()[:, 0][: len(vectors)]
    chosen = vectors[torch.randperm(len(vectors))[: len(where)]]
    codes[where], N[where], m[where] = chosen, weight, weight * chosen
    return codes, N, m
