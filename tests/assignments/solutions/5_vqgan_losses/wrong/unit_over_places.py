"""The length is taken over height and width instead of the channels."""


# loses: test_unit
# --- unit ---
def unit(f, eps=1e-6):
    return f / (f.square().sum((2, 3), keepdim=True) + eps).sqrt()
