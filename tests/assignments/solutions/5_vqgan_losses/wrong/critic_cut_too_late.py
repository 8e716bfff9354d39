"""The logits are detached instead of x̂: the critic learns from pictures only."""


# loses: test_critic_gradient
# --- critic_loss ---
def critic_loss(critic, x, x_hat):
    return adversarial.hinge_d(critic(x), critic(x_hat).detach())
