"""x̂ is not detached: the autoencoder learns to be found out."""


# loses: test_critic_gradient
# --- critic_loss ---
def critic_loss(critic, x, x_hat):
    return adversarial.hinge_d(critic(x), critic(x_hat))
