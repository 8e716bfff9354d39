"""`table[indices] += rows` writes each row once: of several vectors with one code
one counts."""


# loses: test_hand_shared
# --- by_hand ---
def by_hand(z_e, codebook, indices, wish, beta=0.25):
    gap = 2 * (z_e - codebook[indices]) / z_e.numel()
    at_codebook = torch.zeros_like(codebook)
    at_codebook[indices] += -gap
    return wish + beta * gap, at_codebook
