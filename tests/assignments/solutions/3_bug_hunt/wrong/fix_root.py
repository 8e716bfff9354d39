"""The second square is undone by a root, whose slope is infinite at 0: NaN for a code that has
arrived."""


# loses: test_codebook_loss
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def codebook_loss(self, z, e):
        return F.mse_loss(e, z.detach()).square().sqrt()
