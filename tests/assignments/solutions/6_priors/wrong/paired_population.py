"""The squares are divided by n: the deviation of three numbers comes out too small."""


# loses: test_paired_half
# --- paired ---
def paired(first, second):
    differences = [b - a for a, b in zip(first, second, strict=True)]
    n = len(differences)
    middle = sum(differences) / n
    s = math.sqrt(sum((d - middle) ** 2 for d in differences) / (n))
    return middle, results.STUDENT[n - 2] * s / math.sqrt(n)
