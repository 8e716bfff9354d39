"""The code that crosses the line is dropped, too: less than p is left, or nothing."""


# loses: test_top_p, test_top_p_ends
# --- top_p ---
def top_p(logits, p):
    values, codes = logits.sort(dim=1, descending=True)
    q = values.softmax(1)
    values = values.masked_fill(q.cumsum(1) > p, -math.inf)
    return torch.full_like(logits, -math.inf).scatter(1, codes, values)
