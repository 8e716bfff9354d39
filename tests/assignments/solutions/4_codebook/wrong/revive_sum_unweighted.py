"""The count has the weight, the sum does not: the next update throws the code far away."""
# loses: test_memory


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes, N, m = codes.clone(), N.clone(), m.clone()
    where = dead.nonzero()[:, 0][: len(vectors)]
    chosen = vectors[torch.randperm(len(vectors))[: len(where)]]
    codes[where], N[where], m[where] = chosen, weight, chosen
    return codes, N, m
