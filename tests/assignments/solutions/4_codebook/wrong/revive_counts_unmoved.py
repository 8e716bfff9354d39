"""When vectors are short, the counts of all dead codes change, also of those that did not move."""
# loses: test_few


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    where = dead.nonzero()[:, 0][: len(vectors)]
    chosen = vectors[torch.randperm(len(vectors))[: len(where)]]
    codes, m = codes.index_copy(0, where, chosen), m.index_copy(0, where, weight * chosen)
    return codes, N.masked_fill(dead, weight), m
