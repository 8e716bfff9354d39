"""Stops when the error falls by less than a tenth: a slow stretch is not the end."""
# loses: test_rest


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    errors = [error(vectors, codes)]
    for _ in range(rounds):
        codes = move(vectors, assign(vectors, codes), codes)
        errors.append(error(vectors, codes))
        if len(errors) > 5 and errors[-1] > 0.9 * errors[-2]:
            break
    return codes, errors
