"""The stop-gradient of the codebook term was forgotten: it pulls the encoder too."""


# loses: test_loss_codebook
# --- losses ---
def losses(z_e, e, beta=0.25):
    codebook = F.mse_loss(e, z_e)
    commitment = F.mse_loss(z_e, e.detach())
    return codebook, commitment, codebook + beta * commitment
