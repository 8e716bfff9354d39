"""The critic of the last rung learns by another loss."""


# loses: test_rungs
# --- rung ---
def rung(name, variance, distance, critic):
    if name == "squared":
        return objectives.VQGANObjective(pixels="squared", data_variance=variance)
    if name == "absolute":
        return objectives.VQGANObjective()
    if name == "perceptual":
        return objectives.VQGANObjective(distance)
    return objectives.VQGANObjective(distance, critic, loss="non-saturating")
