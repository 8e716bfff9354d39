"""Goes through all rounds, although nothing changes any more."""
# loses: test_rest


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    errors = [error(vectors, codes)]
    for _ in range(rounds):
        codes = move(vectors, assign(vectors, codes), codes)
        errors.append(error(vectors, codes))
    return codes, errors
