"""The loss is worked out from z_q, behind the straight-through line, where the codes are hidden."""


# loses: test_layer_gradients
# --- vq_layer ---
def vq_layer(z_e, codebook, beta=0.25):
    z = z_e.movedim(1, -1)
    indices = assign(z.reshape(-1, z.shape[-1]), codebook).view(z.shape[:-1])
    e = codebook[indices]
    z_q = pass_gradient(z, e)
    loss = F.mse_loss(z_q, z.detach()) + beta * F.mse_loss(z, z_q.detach())
    return z_q.movedim(-1, 1), indices, loss
