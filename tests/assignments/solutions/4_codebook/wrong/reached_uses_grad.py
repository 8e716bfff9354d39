"""Clears `.grad` before each loss, and so loses what the caller had there."""
# loses: test_reached


# --- reached ---
def reached(losses, tensors):
    found = {}
    for name, loss in losses.items():
        for t in tensors.values():
            t.grad = None
        if loss.requires_grad:
            loss.backward(retain_graph=True)
        found[name] = {
            key for key, t in tensors.items() if t.grad is not None and (t.grad != 0).any()
        }
    for t in tensors.values():
        t.grad = None
    return found
