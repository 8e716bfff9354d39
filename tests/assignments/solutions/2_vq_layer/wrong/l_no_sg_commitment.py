"""The stop-gradient of the commitment term was forgotten: it moves the codes too."""


# loses: test_loss_commitment
# --- losses ---
def losses(z_e, e, beta=0.25):
    codebook = F.mse_loss(z_e.detach(), e)
    commitment = F.mse_loss(z_e, e)
    return codebook, commitment, codebook + beta * commitment
