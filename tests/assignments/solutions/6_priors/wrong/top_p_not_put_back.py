"""The result stays in sorted order: the logits belong to other codes."""


# loses: test_top_p, test_top_p_ends
# --- top_p ---
def top_p(logits, p):
    values, codes = logits.sort(dim=1, descending=True)
    q = values.softmax(1)
    values = values.masked_fill(q.cumsum(1) - q >= p, -math.inf)
    return values
