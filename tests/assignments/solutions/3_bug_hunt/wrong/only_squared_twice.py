"""Only one bug repaired, that of test_codebook_loss; the seven others are still there."""


# loses: test_call, test_beta, test_codes_differ, test_codes_learn, test_distances, test_encoder_learns, test_terms
# --- quantiser after release ---
class Quantiser(Quantiser):
    def codebook_loss(self, z, e):
        return F.mse_loss(e, z.detach())
