"""g is the autoencoder's loss, so its backward() is believed to spare the critic."""


# loses: test_reaches_players
# --- reaches ---
def reaches():
    generated = {"encoder", "decoder"}
    return {
        "absolute error": generated,
        "perceptual distance": generated,
        "codebook term": {"codebook"},
        "commitment term": {"encoder"},
        "g": generated,
        "critic's loss": {"critic"},
    }
