"""sg is on the other side in both terms: each moves what the other should."""


# loses: test_loss_codebook, test_loss_commitment
# --- losses ---
def losses(z_e, e, beta=0.25):
    codebook = F.mse_loss(z_e, e.detach())
    commitment = F.mse_loss(e, z_e.detach())
    return codebook, commitment, codebook + beta * commitment
