"""The critic moves first, and g is computed with its new weights."""


# loses: test_step_model
# --- step ---
def step(model, critic, x, of_model, of_critic):
    x_hat, _ = model(x)
    of_critic.zero_grad()
    adversarial.hinge_d(critic(x), critic(x_hat.detach())).backward()
    of_critic.step()
    loss, x_hat = autoencoder_loss(model, critic, x)
    of_model.zero_grad()
    loss.backward()
    of_model.step()
