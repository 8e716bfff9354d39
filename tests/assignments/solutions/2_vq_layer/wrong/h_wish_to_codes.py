"""The decoder's wish is handed to the codes as well."""


# loses: test_hand_codes
# --- by_hand ---
def by_hand(z_e, codebook, indices, wish, beta=0.25):
    gap = 2 * (z_e - codebook[indices]) / z_e.numel()
    at_codebook = torch.zeros_like(codebook)
    at_codebook.index_add_(0, indices, wish - gap)
    return wish + beta * gap, at_codebook
