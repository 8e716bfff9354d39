"""As many codes in every row as in the first."""


# loses: test_top_p
# --- top_p ---
def top_p(logits, p):
    values, codes = logits.sort(dim=1, descending=True)
    q = values.softmax(1)
    count = int(((q.cumsum(1) - q)[0] < p).sum())
    values = values.clone()
    values[:, count:] = -math.inf
    return torch.full_like(logits, -math.inf).scatter(1, codes, values)
