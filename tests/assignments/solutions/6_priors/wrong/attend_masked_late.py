"""Weights are set to 0 after the softmax: they add up to less than 1, and the sum knows what comes later."""


# loses: test_attend_value, test_attend_causal
# --- attend ---
def attend(q, k, v):
    n, d = q.shape[1:]
    scores = q @ k.transpose(1, 2) / math.sqrt(d)
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    return scores.softmax(2).masked_fill(later, 0.0) @ v
