"""The softmax runs over the queries, not over what each of them sees."""


# loses: test_attend_value, test_attend_causal
# --- attend ---
def attend(q, k, v):
    n, d = q.shape[1:]
    scores = q @ k.transpose(1, 2) / math.sqrt(d)
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -math.inf).softmax(1) @ v
