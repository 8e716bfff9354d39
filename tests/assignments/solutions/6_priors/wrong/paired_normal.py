"""1.96 for any number of seeds, which is right for very many."""


# loses: test_paired_half
# --- paired ---
def paired(first, second):
    differences = [b - a for a, b in zip(first, second, strict=True)]
    n = len(differences)
    middle = sum(differences) / n
    s = math.sqrt(sum((d - middle) ** 2 for d in differences) / (n - 1))
    return middle, 1.96 * s / math.sqrt(n)
