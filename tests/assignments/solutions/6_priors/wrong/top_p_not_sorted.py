"""The probabilities are added up in the order of the codes, unsorted."""


# loses: test_top_p, test_top_p_ends
# --- top_p ---
def top_p(logits, p):
    q = logits.softmax(1)
    return logits.masked_fill(q.cumsum(1) - q >= p, -math.inf)
