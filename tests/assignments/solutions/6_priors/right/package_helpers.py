"""By way of intervals, split rows and other names."""


# --- bits_per_token ---
def bits_per_token(logits, indices):
    flat = logits.movedim(1, 3).flatten(0, 2).double()
    nats = F.nll_loss(F.log_softmax(flat, dim=1), indices.flatten())
    return (nats / torch.log(torch.tensor(2.0))).float()


# --- row ---
def row(indices, labels, num_codes):
    rolled = indices.flatten(1).roll(1, dims=1)
    return torch.where(torch.arange(rolled.shape[1]) == 0, num_codes + labels[:, None], rolled)


# --- attend ---
def attend(q, k, v):
    bias = torch.zeros(q.size(1), q.size(1))
    for i in range(q.size(1)):
        bias[i, i + 1 :] = float("-inf")
    weights = torch.softmax(torch.baddbmm(bias, q, k.mT, alpha=q.size(2) ** -0.5), dim=-1)
    return torch.bmm(weights, v)


# --- tempered ---
def tempered(logits, temperature):
    z = logits * (1 / temperature)
    z = z - z.logsumexp(1, keepdim=True)
    return z.exp()


# --- top_k ---
def top_k(logits, k):
    result = logits.clone()
    worst = logits.shape[1] - k
    if worst:
        result.scatter_(1, (-logits).topk(worst).indices, -math.inf)
    return result


# --- top_p ---
def top_p(logits, p):
    result = logits.clone()
    for z in result:
        q, codes = z.softmax(0).sort(descending=True)
        kept = int((q.cumsum(0) < p).sum()) + 1
        z[codes[kept:]] = -math.inf
    return result


# --- sample ---
def sample(prior, labels, choose):
    prior.eval()
    rows = torch.full((len(labels), *prior.grid), 0)
    torch.set_grad_enabled(False)
    try:
        for i in range(prior.grid[0]):
            for j in range(prior.grid[1]):
                token = choose(prior(rows, labels)[:, :, i, j])
                rows = rows.index_put(
                    (torch.arange(len(labels)), torch.tensor(i), torch.tensor(j)), token
                )
    finally:
        torch.set_grad_enabled(True)
    return rows


# --- paired ---
def paired(first, second):
    return results.interval([b - a for a, b in zip(first, second, strict=True)])


# --- figure ---
chart = plots.table({"VQ-VAE": {"PSNR": value("psnr", "fashion", "squared")}})
chart
