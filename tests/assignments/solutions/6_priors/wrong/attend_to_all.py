"""No mask: every position sees the whole line."""


# loses: test_attend_value, test_attend_causal
# --- attend ---
def attend(q, k, v):
    return (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).softmax(2) @ v
