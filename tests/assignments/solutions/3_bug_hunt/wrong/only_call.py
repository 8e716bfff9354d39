"""Only one bug repaired, that of test_call; the seven others are still there."""


# loses: test_beta, test_codes_differ, test_codes_learn, test_distances, test_encoder_learns, test_codebook_loss, test_terms
# --- quantiser after release ---
class Quantiser(Quantiser):
    forward = Quantiser.call
