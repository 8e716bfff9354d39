"""The distortion of the start is missing, so that the list is shifted by one."""
# loses: test_lloyd, test_rest


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    k, errors = assign(vectors, codes), []
    for _ in range(rounds):
        codes = move(vectors, k, codes)
        errors.append(error(vectors, codes))
        new = assign(vectors, codes)
        if (new == k).all():
            break
        k = new
    return codes, errors
