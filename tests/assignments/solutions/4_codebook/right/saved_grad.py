"""`backward` with the caller's `.grad` put aside and back; the nearest code on the sphere by
distance.
"""


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    cells = [vectors[indices == j] for j in range(num_codes)]
    n = torch.tensor([float(len(c)) for c in cells])
    return n, torch.stack([c.sum(dim=0) for c in cells])


# --- average ---
def average(old, new, decay):
    result = old.clone()
    result *= decay
    result += (1 - decay) * new
    return result


# --- debiased ---
def debiased(average, t, decay):
    weight = sum((1 - decay) * decay**s for s in range(min(t, 2000)))
    return average / weight


# --- dead_length ---
def dead_length(length, t, decay, total, num_codes, eps):
    m = length
    for _ in range(t):
        m = decay * m
    share = (0 + eps) / (total + num_codes * eps)
    return m / (share * total)


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    return assign(F.normalize(vectors), F.normalize(codes))


# --- reached ---
def reached(losses, tensors):
    saved = {name: t.grad for name, t in tensors.items()}
    found = {}
    for name, loss in losses.items():
        for t in tensors.values():
            t.grad = None
        if loss.requires_grad:
            loss.backward(retain_graph=True)
        found[name] = {n for n, t in tensors.items() if t.grad is not None and t.grad.ne(0).any()}
    for n, t in tensors.items():
        t.grad = saved[n]
    return found
