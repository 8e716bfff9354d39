"""The squared error is not divided by the variance of the data."""


# loses: test_rung_vqvae
# --- rung ---
def rung(name, variance, distance, critic):
    if name == "squared":
        return objectives.VQGANObjective(pixels="squared")
    if name == "absolute":
        return objectives.VQGANObjective()
    if name == "perceptual":
        return objectives.VQGANObjective(distance)
    return objectives.VQGANObjective(distance, critic)
