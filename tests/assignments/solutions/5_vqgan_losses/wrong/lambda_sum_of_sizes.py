"""The sum of absolute values instead of the length."""


# loses: test_lambda_value, test_lambda_limits
# --- adaptive_weight ---
def adaptive_weight(nll, g, last_layer):
    (a,) = torch.autograd.grad(nll, last_layer, retain_graph=True)
    (b,) = torch.autograd.grad(g, last_layer, retain_graph=True)
    return (a.abs().sum() / (b.abs().sum() + 1e-4)).clamp(0, 1e4).detach()
