"""A norm instead of a squared norm."""


# loses: test_loss_values
# --- losses ---
def losses(z_e, e, beta=0.25):
    codebook = (z_e.detach() - e).norm() / e.numel()
    commitment = (z_e - e.detach()).norm() / e.numel()
    return codebook, commitment, codebook + beta * commitment
