"""The softmax runs over the columns of the grid instead of the codes."""


# loses: test_bits, test_bits_sure
# --- bits_per_token ---
def bits_per_token(logits, indices):
    log_p = logits.log_softmax(-1).gather(1, indices[:, None])
    return -log_p.mean() / math.log(2)
