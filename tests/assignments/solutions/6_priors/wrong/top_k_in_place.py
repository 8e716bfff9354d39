"""The caller's logits are overwritten."""


# loses: test_top_k
# --- top_k ---
def top_k(logits, k):
    others = logits.argsort(dim=1, descending=True)[:, k:]
    return logits.scatter_(1, others, -math.inf)
