"""N = 1 for a revived code, as if the averages were debiased already: at the start of training
that is a hundred vectors.
"""
# loses: test_memory


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    codes, N, m = codes.clone(), N.clone(), m.clone()
    where = dead.nonzero()[:, 0][: len(vectors)]
    chosen = vectors[torch.randperm(len(vectors))[: len(where)]]
    codes[where], N[where], m[where] = chosen, 1.0, chosen
    return codes, N, m
