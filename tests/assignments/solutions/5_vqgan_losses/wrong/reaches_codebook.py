"""The decoder reads the code, so the error must reach the codebook: the straight-through line was forgotten."""


# loses: test_reaches_autoencoder
# --- reaches ---
def reaches():
    generated = {"encoder", "decoder"}
    return {
        "absolute error": generated | {"codebook"},
        "perceptual distance": generated,
        "codebook term": {"codebook"},
        "commitment term": {"encoder"},
        "g": generated | {"critic"},
        "critic's loss": {"critic"},
    }
