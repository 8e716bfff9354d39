"""The expansion with the origin moved to the codes; sums by index_add; tensors returned where
numbers would do.
"""


# --- squared_distances ---
def squared_distances(vectors, codes):
    origin = codes.mean(0)
    v, e = vectors - origin, codes - origin
    return v.square().sum(1, keepdim=True) - 2 * v @ e.T + e.square().sum(1)


# --- nearest ---
def nearest(distances):
    return (-distances).max(dim=-1).indices


# --- distortion ---
def distortion(vectors, codes, indices):
    return F.mse_loss(F.embedding(indices, codes), vectors)


# --- centroids ---
def centroids(vectors, indices, codes):
    out = codes.clone()
    n = torch.zeros(len(codes)).index_add_(0, indices, torch.ones(len(vectors)))
    s = torch.zeros_like(codes).index_add_(0, indices, vectors)
    out[n > 0] = s[n > 0] / n[n > 0, None]
    return out


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    errors, k = [error(vectors, codes)], assign(vectors, codes)
    for _ in range(rounds):
        codes = move(vectors, k, codes)
        old, k = k, assign(vectors, codes)
        errors += [error(vectors, codes)]
        if not (old != k).any():
            return codes, errors
    return codes, errors


# --- entropy ---
def entropy(indices, num_codes):
    counts = torch.bincount(indices.reshape(-1), minlength=num_codes).double()
    return torch.special.entr(counts / counts.sum()).sum() / math.log(2)


# --- shannon_rate ---
def shannon_rate(distortion, variance):
    return (torch.tensor(variance / distortion).log2() / 2).clamp(min=0)


# --- gap ---
def gap(distortion, rate, variance):
    return 10 * math.log10(distortion / variance) + 20 * rate * math.log10(2)


# --- point ---
def point(fit, held_out, num_codes):
    codebook = kmeans(fit, num_codes=num_codes)[0]
    tokens = assign(held_out, codebook)
    _, n = held_out.shape
    out = {"distortion": F.mse_loss(codebook[tokens], held_out)}
    out["coded"] = metrics.code_usage(tokens, num_codes).entropy / n
    out["rate"] = math.log2(num_codes) / n
    return out


# --- token_bits ---
def token_bits(indices, counts):
    log_q = (counts + 1.0).log() - (counts.sum() + len(counts)).log()
    return F.nll_loss(log_q.expand(len(indices), -1), indices) / math.log(2)


# --- dominates ---
def dominates(a, b):
    return a != b and not any(x > y for x, y in zip(a, b, strict=True))
