"""The code with the largest score was taken: argmax of the distance is the farthest code."""


# loses: test_map_indices, test_map_codes
# --- quantise ---
def quantise(z_e, codebook):
    z = z_e.movedim(1, -1)
    indices = torch.cdist(z.flatten(0, -2), codebook).argmax(1).view(z.shape[:-1])
    return indices, codebook[indices].movedim(-1, 1)
