"""A gradient whose numbers add up to 0 counts as none."""


# loses: test_reached
# --- reached ---
def reached(losses, tensors):
    found = {name: set() for name in losses}
    for name, loss in losses.items():
        for part, tensor in tensors.items():
            if loss.requires_grad and tensor.requires_grad:
                (g,) = torch.autograd.grad(loss, tensor, retain_graph=True, allow_unused=True)
                if g is not None and g.sum() != 0:
                    found[name].add(part)
    return found
