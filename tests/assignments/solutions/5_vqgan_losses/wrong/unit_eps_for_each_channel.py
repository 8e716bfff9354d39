"""ε is added to each square, so C times in all."""


# loses: test_unit_zero
# --- unit ---
def unit(f, eps=1e-6):
    return f / (f.square() + eps).sum(1, keepdim=True).sqrt()
