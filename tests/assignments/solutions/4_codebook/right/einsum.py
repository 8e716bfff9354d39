"""einsum, masks in place of `where`, a dictionary comprehension."""


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    A = (indices[:, None] == torch.arange(num_codes)).type(vectors.dtype)
    return torch.einsum("ik->k", A), torch.einsum("ik,id->kd", A, vectors)


# --- average ---
def average(old, new, decay):
    return old + (1 - decay) * (new - old)


# --- smoothed ---
def smoothed(N, eps):
    p = (N + eps) / (N + eps).sum()
    return p * N.sum()


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    out = codes.clone()
    alive = torch.logical_or(N.gt(min_count), n.bool())
    out[alive] = candidate[alive]
    return out


# --- perplexity ---
def perplexity(batches, num_codes):
    counts = torch.zeros(num_codes, dtype=torch.float64)
    for b in batches:
        counts += F.one_hot(b.flatten(), num_codes).sum(0)
    p = counts[counts > 0] / counts.sum()
    return 2 ** (-(p * p.log2()).sum())


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    gap = vectors.unsqueeze(0) - centres.unsqueeze(1)
    d, _ = torch.einsum("knd,knd->kn", gap, gap).min(dim=0)
    if torch.all(d == 0):
        d = d + 1
    return d / d.sum()


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    perm = torch.randperm(len(vectors))
    new_codes, new_N, new_m = torch.clone(codes), torch.clone(N), torch.clone(m)
    for i, j in zip(perm, dead.nonzero(as_tuple=True)[0], strict=False):
        new_codes[j] = vectors[i]
        new_N[j] = weight
        new_m[j] = vectors[i] * weight
    return new_codes, new_N, new_m


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    unit = codes / codes.norm(dim=1, keepdim=True)
    return torch.einsum("id,kd->ik", vectors, unit).argmax(-1)


# --- reached ---
def reached(losses, tensors):
    def touched(loss, tensor):
        if not (loss.requires_grad and tensor.requires_grad):
            return False
        g = torch.autograd.grad([loss], [tensor], retain_graph=True, allow_unused=True)[0]
        return g is not None and bool(g.count_nonzero())

    return {n: {k for k, t in tensors.items() if touched(loss, t)} for n, loss in losses.items()}
