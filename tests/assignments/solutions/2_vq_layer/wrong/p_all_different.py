"""Another objective, so everything must be different."""

# loses: test_different
# --- different ---
different = {"encoder": True, "codebook": True, "decoder": True}
