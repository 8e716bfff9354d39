"""ε beside the root: right values, and NaN as the gradient where all features are zero."""


# loses: test_unit_zero
# --- unit ---
def unit(f, eps=1e-6):
    return f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10)
