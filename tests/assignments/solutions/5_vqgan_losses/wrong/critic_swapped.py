"""The two arguments of the hinge loss are the wrong way round."""


# loses: test_critic_value, test_critic_gradient
# --- critic_loss ---
def critic_loss(critic, x, x_hat):
    return adversarial.hinge_d(critic(x_hat.detach()), critic(x))
