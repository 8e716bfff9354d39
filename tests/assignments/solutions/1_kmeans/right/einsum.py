"""One-hot matrices and einsum, `torch.cdist` told not to expand, means written out instead of
`move`.
"""


# --- squared_distances ---
def squared_distances(vectors, codes):
    d = torch.cdist(vectors, codes, compute_mode="donot_use_mm_for_euclid_dist")
    return d * d


# --- nearest ---
def nearest(distances):
    return torch.topk(distances, 1, dim=1, largest=False)[1].squeeze(1)


# --- distortion ---
def distortion(vectors, codes, indices):
    chosen = torch.einsum("ik,kn->in", F.one_hot(indices, len(codes)).float(), codes)
    error_of_each = torch.einsum("in,in->i", vectors - chosen, vectors - chosen)
    return error_of_each.sum() / vectors.shape[0] / vectors.shape[1]


# --- centroids ---
def centroids(vectors, indices, codes):
    onehot = F.one_hot(indices, num_classes=codes.size(0)).float()
    total = torch.einsum("ik,in->kn", onehot, vectors)
    count = torch.einsum("ik->k", onehot).unsqueeze(-1)
    empty = (count == 0).float()
    return (total + empty * codes) / (count + empty)


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    def step(codes, indices):
        onehot = F.one_hot(indices, len(codes)).float()
        n = onehot.sum(0)[:, None]
        return torch.where(n > 0, onehot.T @ vectors / n.clamp(min=1), codes)

    history = [((vectors - codes[assign(vectors, codes)]) ** 2).mean().item()]
    indices = assign(vectors, codes)
    for _ in range(rounds):
        codes = step(codes, indices)
        new = assign(vectors, codes)
        history.append(((vectors - codes[new]) ** 2).mean().item())
        if (new == indices).all():
            break
        indices = new
    return codes, history


# --- entropy ---
def entropy(indices, num_codes):
    p = F.one_hot(indices.flatten(), num_codes).double().mean(0)
    return float(-torch.xlogy(p, p).sum() / torch.log(torch.tensor(2.0)))


# --- gap ---
def gap(distortion, rate, variance):
    least = variance / 4**rate
    return 10 * (math.log10(distortion) - math.log10(least))


# --- token_bits ---
def token_bits(indices, counts):
    q = (counts.double() + 1) / (counts.double() + 1).sum()
    own = F.one_hot(indices, len(counts)).double().mean(0)
    return -torch.einsum("k,k->", own, q.log2())
