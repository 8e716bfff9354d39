"""The critic is switched on after a thousand steps, as in the published configurations."""


# loses: test_rungs
# --- rung ---
def rung(name, variance, distance, critic):
    if name == "squared":
        return objectives.VQGANObjective(pixels="squared", data_variance=variance)
    if name == "absolute":
        return objectives.VQGANObjective()
    if name == "perceptual":
        return objectives.VQGANObjective(distance)
    return objectives.VQGANObjective(distance, critic, start=1000)
