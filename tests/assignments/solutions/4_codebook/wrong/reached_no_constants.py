"""Asks autograd for the gradient of a loss that has none."""
# loses: test_constant


# --- reached ---
def reached(losses, tensors):
    return {
        name: {
            key
            for key, t in tensors.items()
            for g in torch.autograd.grad(loss, t, retain_graph=True, allow_unused=True)
            if g is not None and g.any()
        }
        for name, loss in losses.items()
    }
