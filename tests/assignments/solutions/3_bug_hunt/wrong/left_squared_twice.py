"""One bug left. A mean squared error, squared once more."""


# loses: test_codebook_loss
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def codebook_loss(self, z, e):
        return F.mse_loss(e, z.detach()).square()
