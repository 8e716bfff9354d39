"""Both losses are added and share one backward(): each player follows the other's loss as well."""


# loses: test_step_model, test_step_critic
# --- step ---
def step(model, critic, x, of_model, of_critic):
    loss, x_hat = autoencoder_loss(model, critic, x)
    of_model.zero_grad()
    of_critic.zero_grad()
    (loss + adversarial.hinge_d(critic(x), critic(x_hat))).backward()
    of_model.step()
    of_critic.step()
