"""To protect the critic, x̂ is cut off before g as well: nothing of the adversary reaches the autoencoder."""


# loses: test_step_model
# --- step ---
def step(model, critic, x, of_model, of_critic):
    x_hat, q = model(x)
    loss = F.l1_loss(x_hat, x) + q.loss + adversarial.hinge_g(critic(x_hat.detach()))
    of_model.zero_grad()
    loss.backward()
    of_model.step()
    of_critic.zero_grad()
    adversarial.hinge_d(critic(x), critic(x_hat.detach())).backward()
    of_critic.step()
