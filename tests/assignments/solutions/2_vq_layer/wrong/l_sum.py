"""The squares are summed over D, as ‖·‖² reads, and averaged over the places only."""


# loses: test_loss_values
# --- losses ---
def losses(z_e, e, beta=0.25):
    codebook = (z_e.detach() - e).square().sum(1).mean()
    commitment = (z_e - e.detach()).square().sum(1).mean()
    return codebook, commitment, codebook + beta * commitment
