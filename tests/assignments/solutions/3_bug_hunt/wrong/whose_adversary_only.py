"""C and A are taken for mistakes of the VQ-VAE alone, since it was there first."""

# loses: test_whose_first
# --- whose ---
whose = dict.fromkeys("EH", "both") | dict.fromkeys("BDFG", "VQGAN") | dict.fromkeys("AC", "VQ-VAE")
