"""The indices stay a list of B·h·w numbers."""


# loses: test_map_indices
# --- quantise ---
def quantise(z_e, codebook):
    z = z_e.movedim(1, -1)
    indices = quantizers.assign(z.flatten(0, -2), codebook)
    return indices, codebook[indices].view(z.shape).movedim(-1, 1)
