"""The critic's old gradients, g's among them, are not cleared before its own backward()."""


# loses: test_step_critic
# --- step ---
def step(model, critic, x, of_model, of_critic):
    loss, x_hat = autoencoder_loss(model, critic, x)
    of_model.zero_grad()
    loss.backward()
    of_model.step()
    adversarial.hinge_d(critic(x), critic(x_hat.detach())).backward()
    of_critic.step()
