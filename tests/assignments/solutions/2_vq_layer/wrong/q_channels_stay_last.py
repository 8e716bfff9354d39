"""The codes are returned with the channels last."""


# loses: test_map_codes
# --- quantise ---
def quantise(z_e, codebook):
    z = z_e.movedim(1, -1)
    indices = quantizers.assign(z.flatten(0, -2), codebook).view(z.shape[:-1])
    return indices, codebook[indices]
