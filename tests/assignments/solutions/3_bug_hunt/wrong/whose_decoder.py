"""A decoder is taken for a discriminator's part, and the tanh for the VQGAN's."""

# loses: test_whose_last
# --- whose ---
whose = dict.fromkeys("ACGH", "both") | dict.fromkeys("BDEF", "VQGAN")
