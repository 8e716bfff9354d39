"""Measures the moved codes with the indices from before the move."""
# loses: test_lloyd


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    k = assign(vectors, codes)
    errors = [error(vectors, codes)]
    for _ in range(rounds):
        codes = move(vectors, k, codes)
        errors.append((vectors - codes[k]).square().mean().item())
        before, k = k, assign(vectors, codes)
        if torch.equal(before, k):
            break
    return codes, errors
