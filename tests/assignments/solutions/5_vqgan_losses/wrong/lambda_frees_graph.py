"""The graph is kept for the second gradient, but not for the training step after it."""


# loses: test_lambda_graph
# --- adaptive_weight ---
def adaptive_weight(nll, g, last_layer):
    (of_nll,) = torch.autograd.grad(nll, last_layer, retain_graph=True)
    (of_g,) = torch.autograd.grad(g, last_layer)
    return (of_nll.norm() / (of_g.norm() + 1e-4)).clamp(0, 1e4).detach()
