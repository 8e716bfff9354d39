"""The derivative of a square without its factor 2."""


# loses: test_hand_encoder, test_hand_codes
# --- by_hand ---
def by_hand(z_e, codebook, indices, wish, beta=0.25):
    gap = (z_e - codebook[indices]) / z_e.numel()
    at_codebook = torch.zeros_like(codebook)
    at_codebook.index_add_(0, indices, -gap)
    return wish + beta * gap, at_codebook
