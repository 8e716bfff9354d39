"""The vectors are assigned before the loop and never again."""
# loses: test_lloyd, test_rest


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    indices = assign(vectors, codes)
    errors = [error(vectors, codes)]
    for _ in range(rounds):
        codes = move(vectors, indices, codes)
        errors.append(error(vectors, codes))
    return codes, errors
