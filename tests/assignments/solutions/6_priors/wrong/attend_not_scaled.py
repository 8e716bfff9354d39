"""The division by √d was forgotten."""


# loses: test_attend_value
# --- attend ---
def attend(q, k, v):
    n, d = q.shape[1:]
    scores = q @ k.transpose(1, 2) / 1
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -math.inf).softmax(2) @ v
