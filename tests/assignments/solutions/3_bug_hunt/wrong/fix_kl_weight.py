"""The KL gets a small weight in place of being removed, as in many VAEs."""


# loses: test_terms
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def total(self, z, e):
        kl = z.square().mean() / 200
        return self.codebook_loss(z, e) + self.beta * self.commitment_loss(z, e) + kl
