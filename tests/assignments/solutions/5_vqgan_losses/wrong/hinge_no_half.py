"""The ½ belongs to VQGAN's code, not to the paper on hinge losses; one of the two was read."""


# loses: test_hinge_value
# --- hinge_critic ---
def hinge_critic(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
