"""Calls that add at an index, `lerp`, `torch.where`, entr; multinomial draws."""


# --- cell_sums ---
def cell_sums(vectors, indices, num_codes):
    n = torch.bincount(indices, minlength=num_codes).type_as(vectors)
    S = vectors.new_zeros(num_codes, vectors.size(1)).index_add_(0, indices, vectors)
    return n, S


# --- average ---
def average(old, new, decay):
    return torch.lerp(old, new, 1 - decay)


# --- debiased ---
def debiased(average, t, decay):
    return average.div(1.0 - math.pow(decay, t))


# --- smoothed ---
def smoothed(N, eps):
    n = N.sum()
    return n * torch.div(N + eps, n + N.numel() * eps)


# --- dead_length ---
def dead_length(length, t, decay, total, num_codes, eps):
    return length * math.exp(t * math.log(decay)) * (1 / eps + num_codes / total)


# --- guarded ---
def guarded(codes, candidate, N, n, min_count=1e-3):
    stays = N.le(min_count).logical_and(n == 0)
    return torch.where(stays.unsqueeze(1), codes, candidate)


# --- perplexity ---
def perplexity(batches, num_codes):
    tokens = torch.cat([b.reshape(-1) for b in batches])
    return torch.distributions.Categorical(tokens.bincount().float()).perplexity()


# --- start_probabilities ---
def start_probabilities(vectors, centres):
    d = torch.cdist(vectors, centres, compute_mode="donot_use_mm_for_euclid_dist")
    d = d.min(dim=1).values.pow(2)
    return F.normalize(d if d.any() else torch.ones_like(d), p=1, dim=0)


# --- revive ---
def revive(codes, N, m, dead, vectors, weight):
    n = min(int(dead.sum()), len(vectors))
    rows = dead.nonzero().flatten()
    rows = rows[torch.randperm(len(rows))[:n]]
    if n == 0:
        return codes.clone(), N.clone(), m.clone()
    picked = vectors[torch.multinomial(torch.ones(len(vectors)), n)]
    codes = codes.index_copy(0, rows, picked)
    m = m.index_copy(0, rows, picked * weight)
    return codes, N.index_fill(0, rows, weight), m


# --- nearest_by_angle ---
def nearest_by_angle(vectors, codes):
    return F.cosine_similarity(vectors[:, None], codes[None], dim=-1).max(1).indices
