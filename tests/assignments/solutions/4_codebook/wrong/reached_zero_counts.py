"""A gradient that is there but zero counts as one."""
# loses: test_constant


# --- reached ---
def reached(losses, tensors):
    able = {key: t for key, t in tensors.items() if t.requires_grad}
    found = {name: set() for name in losses}
    for name, loss in losses.items():
        if loss.requires_grad and able:
            grads = torch.autograd.grad(
                loss, list(able.values()), retain_graph=True, allow_unused=True
            )
            found[name] = {k for k, g in zip(able, grads, strict=True) if g is not None}
    return found
