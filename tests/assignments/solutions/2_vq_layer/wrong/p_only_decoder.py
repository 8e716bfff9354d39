"""The adversary judges images, so only the decoder should feel it."""

# loses: test_different
# --- different ---
different = {"encoder": False, "codebook": False, "decoder": True}
