"""The model's gradient is kept out of the critic, but what lay in the critic's .grad stays."""


# loses: test_step_critic
# --- step ---
def step(model, critic, x, of_model, of_critic):
    loss, x_hat = autoencoder_loss(model, critic, x)
    of_model.zero_grad()
    loss.backward(inputs=list(model.parameters()))
    of_model.step()
    adversarial.hinge_d(critic(x), critic(x_hat.detach())).backward()
    of_critic.step()
