"""Only the commitment term is in the loss, as with moving averages; but here are none."""


# loses: test_layer_output, test_layer_gradients
# --- vq_layer ---
def vq_layer(z_e, codebook, beta=0.25):
    z = z_e.movedim(1, -1)
    indices = assign(z.reshape(-1, z.shape[-1]), codebook).view(z.shape[:-1])
    e = codebook[indices]
    loss = beta * F.mse_loss(z, e.detach())
    z_q = pass_gradient(z, e)
    return z_q.movedim(-1, 1), indices, loss
