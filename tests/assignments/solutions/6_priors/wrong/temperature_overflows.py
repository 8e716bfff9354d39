"""The exponentials of large logits are infinite."""


# loses: test_tempered
# --- tempered ---
def tempered(logits, temperature):
    e = (logits / temperature).exp()
    return e / e.sum(1, keepdim=True)
