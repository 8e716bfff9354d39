"""Loops over vectors, codes and losses; numbers where tensors would do."""


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    n, S = torch.zeros(num_codes), torch.zeros(num_codes, vectors.shape[1])
    for x, k in zip(vectors, indices.tolist(), strict=True):
        n[k] += 1
        S[k] += x
    return n, S


# --- smoothed ---
def smoothed(N, eps):
    total, K = sum(N.tolist()), len(N)
    return torch.tensor([(v + eps) * total / (total + K * eps) for v in N.tolist()])


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    rows = []
    for j in range(len(codes)):
        faded = N[j] <= min_count and n[j] == 0
        rows.append(codes[j] if faded else candidate[j])
    return torch.stack(rows)


# --- perplexity ---
def perplexity(batches, num_codes):
    counts = [0] * num_codes
    for batch in batches:
        for k in batch.flatten().tolist():
            counts[k] += 1
    total, nats = sum(counts), 0.0
    for c in counts:
        if c:
            nats -= c / total * math.log(c / total)
    return math.e**nats


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    near = [min(float(((x - c) ** 2).sum()) for c in centres) for x in vectors]
    if sum(near) == 0:
        near = [1.0] * len(near)
    return torch.tensor([d / sum(near) for d in near])


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    import random

    codes, N, m = codes.clone(), N.clone(), m.clone()
    free = list(range(len(vectors)))
    random.shuffle(free)
    for j in range(len(codes)):
        if dead[j] and free:
            v = vectors[free.pop()]
            codes[j], N[j], m[j] = v, weight, weight * v
    return codes, N, m


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    best = []
    for z in vectors:
        cosines = [float(z @ e / (z.norm() * e.norm())) for e in codes]
        best.append(cosines.index(max(cosines)))
    return torch.tensor(best)


# --- reached ---
def reached(losses, tensors):
    result = {}
    for name, loss in losses.items():
        result[name] = set()
        for key, tensor in tensors.items():
            if not loss.requires_grad or not tensor.requires_grad:
                continue
            (g,) = torch.autograd.grad(loss, tensor, retain_graph=True, allow_unused=True)
            if g is not None and g.abs().sum() > 0:
                result[name].add(key)
    return result
