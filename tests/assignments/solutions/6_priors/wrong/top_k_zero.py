"""Forbidden codes get the logit 0, which is a probability like any other."""


# loses: test_top_k, test_top_k_ties
# --- top_k ---
def top_k(logits, k):
    values, codes = logits.topk(k, dim=1)
    return torch.zeros_like(logits).scatter(1, codes, values)
