"""A gradient counts only where it is positive."""


# loses: test_reached
# --- reached ---
def reached(losses, tensors):
    found = {name: set() for name in losses}
    for name, loss in losses.items():
        for part, tensor in tensors.items():
            if loss.requires_grad and tensor.requires_grad:
                (g,) = torch.autograd.grad(loss, tensor, retain_graph=True, allow_unused=True)
                if g is not None and g.max() > 0:
                    found[name].add(part)
    return found
