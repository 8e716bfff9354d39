"""The autoencoder's gradients are never cleared and add up from step to step."""


# loses: test_step_model
# --- step ---
def step(model, critic, x, of_model, of_critic):
    loss, x_hat = autoencoder_loss(model, critic, x)
    loss.backward()
    of_model.step()
    of_critic.zero_grad()
    adversarial.hinge_d(critic(x), critic(x_hat.detach())).backward()
    of_critic.step()
