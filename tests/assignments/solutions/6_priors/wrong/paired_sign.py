"""First minus second: each verdict is the wrong way round."""


# loses: test_paired_mean
# --- paired ---
def paired(first, second):
    differences = [b - a for a, b in zip(first, second, strict=True)]
    n = len(differences)
    middle = sum(differences) / n
    s = math.sqrt(sum((d - middle) ** 2 for d in differences) / (n - 1))
    return -middle, results.STUDENT[n - 2] * s / math.sqrt(n)
