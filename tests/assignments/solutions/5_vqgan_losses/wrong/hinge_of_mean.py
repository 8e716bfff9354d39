"""The maximum is taken of the mean logit, so that sure answers make up for unsure ones."""


# loses: test_hinge_value, test_hinge_margin
# --- hinge_critic ---
def hinge_critic(real, fake):
    return (F.relu(1 - real.mean()) + F.relu(1 + fake.mean())) / 2
