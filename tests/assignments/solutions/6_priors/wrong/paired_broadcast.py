"""numpy subtracts one run from three without a word."""


# loses: test_paired_mean
# --- paired ---
def paired(first, second):
    import numpy as np

    d = np.array(second) - np.array(first)
    n = len(d)
    return float(d.mean()), results.STUDENT[n - 2] * float(d.std(ddof=1)) / math.sqrt(n)
