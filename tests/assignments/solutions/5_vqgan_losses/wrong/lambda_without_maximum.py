"""The maximum was forgotten."""


# loses: test_lambda_limits
# --- adaptive_weight ---
def adaptive_weight(nll, g, last_layer):
    (of_nll,) = torch.autograd.grad(nll, last_layer, retain_graph=True)
    (of_g,) = torch.autograd.grad(g, last_layer, retain_graph=True)
    return (of_nll.norm() / (of_g.norm() + 1e-4)).detach()
