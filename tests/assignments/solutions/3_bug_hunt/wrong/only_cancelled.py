"""Only one bug repaired, that of test_encoder_learns; the seven others are still there."""


# loses: test_call, test_beta, test_codes_differ, test_codes_learn, test_distances, test_codebook_loss, test_terms
# --- quantiser after release ---
class Quantiser(Quantiser):
    def straight_through(self, z, e):
        return z + (e - z).detach()
