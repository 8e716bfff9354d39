"""`backward` after `backward`: the gradients of the first loss are still there when the second is
looked at.
"""
# loses: test_constant, test_reached


# --- reached ---
def reached(losses, tensors):
    found = {}
    for name, loss in losses.items():
        if loss.requires_grad:
            loss.backward(retain_graph=True)
        found[name] = {
            key for key, t in tensors.items() if t.grad is not None and (t.grad != 0).any()
        }
    return found
