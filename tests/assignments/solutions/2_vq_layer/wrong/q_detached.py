"""The choice has no gradient, so everything is put under no_grad, the codes too."""


# loses: test_map_gradient
# --- quantise ---
@torch.no_grad()
def quantise(z_e, codebook):
    z = z_e.movedim(1, -1)
    indices = quantizers.assign(z.flatten(0, -2), codebook).view(z.shape[:-1])
    return indices, codebook[indices].movedim(-1, 1)
