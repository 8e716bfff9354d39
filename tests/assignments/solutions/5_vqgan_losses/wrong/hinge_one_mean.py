"""All logits are put together before the mean, which weighs the larger map more."""


# loses: test_hinge_value
# --- hinge_critic ---
def hinge_critic(real, fake):
    both = torch.cat([F.relu(1 - real).flatten(), F.relu(1 + fake).flatten()])
    return both.mean()
