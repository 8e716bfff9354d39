"""Stops when the codes no longer move: one round after the indices have stopped changing."""


# loses: test_rest
# --- lloyd ---
def lloyd(vectors, codes, rounds):
    errors = [error(vectors, codes)]
    for _ in range(rounds):
        new = move(vectors, assign(vectors, codes), codes)
        errors.append(error(vectors, new))
        if torch.allclose(new, codes):
            break
        codes = new
    return codes, errors
