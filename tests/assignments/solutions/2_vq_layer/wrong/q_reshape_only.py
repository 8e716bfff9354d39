"""The map is flattened with the channels still at axis 1: places and channels are mixed up."""


# loses: test_map_indices, test_map_codes
# --- quantise ---
def quantise(z_e, codebook):
    B, D, *S = z_e.shape
    indices = quantizers.assign(z_e.reshape(-1, D), codebook).reshape(B, *S)
    return indices, codebook[indices].movedim(-1, 1)
