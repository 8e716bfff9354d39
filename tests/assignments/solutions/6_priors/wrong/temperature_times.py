"""The logits are multiplied by T."""


# loses: test_tempered
# --- tempered ---
def tempered(logits, temperature):
    return (logits * temperature).softmax(1)
