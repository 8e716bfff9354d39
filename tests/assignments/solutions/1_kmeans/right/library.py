"""Calls of the library that a student may know from elsewhere, in double precision where digits
are short.
"""


# --- squared_distances ---
def squared_distances(vectors, codes):
    v, e = vectors.double(), codes.double()
    table = (v * v).sum(1)[:, None] + (e * e).sum(1)[None] - 2 * torch.mm(v, e.t())
    return table.clamp(min=0).float()


# --- nearest ---
def nearest(distances):
    return torch.argsort(distances, dim=1)[:, 0]


# --- distortion ---
def distortion(vectors, codes, indices):
    quantised = torch.index_select(codes, 0, indices)
    return torch.dist(vectors, quantised).item() ** 2 / vectors.numel()


# --- centroids ---
def centroids(vectors, indices, codes):
    index = indices[:, None].expand_as(vectors)
    return codes.scatter_reduce(0, index, vectors, "mean", include_self=False)


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    trace = [error(vectors, codes)]
    tokens = assign(vectors, codes)
    for _ in range(rounds):
        codes = move(vectors, tokens, codes)
        trace.append(error(vectors, codes))
        new_tokens = assign(vectors, codes)
        changed = (tokens != new_tokens).sum().item()
        tokens = new_tokens
        if changed == 0:
            break
    return codes, trace


# --- entropy ---
def entropy(indices, num_codes):
    _, counts = torch.unique(indices, return_counts=True)
    return torch.distributions.Categorical(counts / counts.sum()).entropy().item() / math.log(2)


# --- point ---
def point(fit, held_out, num_codes):
    codes = kmeans(fit, num_codes)[0]
    k = assign(held_out, codes)
    n = fit.size(1)
    p = k.bincount(minlength=num_codes) / len(k)
    bits = -torch.special.xlogy(p, p).sum() / math.log(2)
    mse = torch.nn.MSELoss()(codes[k], held_out)
    return {"rate": math.log(num_codes, 2) / n, "coded": bits / n, "distortion": mse}


# --- token_bits ---
def token_bits(indices, counts):
    model = torch.distributions.Categorical(probs=counts + 1.0)
    return -model.log_prob(indices).mean().item() / math.log(2)


# --- dominates ---
def dominates(a, b):
    a, b = torch.tensor(a), torch.tensor(b)
    return ((a <= b).all() & (a < b).any()).item()
