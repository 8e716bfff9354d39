"""Sums of products by einsum, one-hot vectors in place of look-ups."""


# --- bits_per_token ---
def bits_per_token(logits, indices):
    one_hot = F.one_hot(indices, logits.shape[1]).to(logits)  # (B, h, w, K)
    log_p = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    nats = -torch.einsum("bkhw,bhwk->", log_p, one_hot)
    return nats / indices.numel() * math.log2(math.e)


# --- row ---
def row(indices, labels, num_codes):
    b = indices.size(0)
    long = torch.hstack([(labels + num_codes).reshape(b, 1), indices.reshape(b, -1)])
    return long[:, : indices[0].numel()]


# --- attend ---
def attend(q, k, v):
    n = q.shape[1]
    allowed = torch.tril(torch.ones(n, n))
    scores = torch.einsum("bid,bjd->bij", q, k) * q.shape[-1] ** -0.5
    weights = torch.exp(scores - scores.amax(2, keepdim=True)) * allowed
    return torch.einsum("bij,bjd->bid", weights / weights.sum(2, keepdim=True), v)


# --- tempered ---
def tempered(logits, temperature):
    return torch.exp(torch.log_softmax(torch.div(logits, temperature), dim=-1))


# --- top_k ---
def top_k(logits, k):
    places = logits.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return logits.clone().masked_fill(places >= k, -math.inf)


# --- top_p ---
def top_p(logits, p):
    q = logits.softmax(1)
    order = torch.arange(q.shape[1])
    first = order[None, :] < order[:, None]  # among equal ones the first
    larger = (q[:, None, :] > q[:, :, None]) | ((q[:, None, :] == q[:, :, None]) & first)
    before = torch.einsum("bkj,bj->bk", larger.float(), q)
    return logits + torch.where(before < p, 0.0, -math.inf)


# --- sample ---
def sample(prior, labels, choose):
    h, w = prior.grid
    prior = prior.eval()
    line = torch.zeros(len(labels), h * w, dtype=torch.int64)
    with torch.no_grad():
        for n in range(h * w):
            z = prior(line.view(-1, h, w), labels).flatten(2)[:, :, n]
            mark = (torch.arange(h * w) == n).long()
            line = line * (1 - mark) + torch.einsum("b,n->bn", choose(z), mark)
    return line.view(-1, h, w)


# --- paired ---
def paired(first, second):
    if len(first) != len(second):
        raise ValueError("each run needs its partner")
    d = torch.tensor(second, dtype=torch.float64) - torch.tensor(first, dtype=torch.float64)
    half = results.STUDENT[len(d) - 2] * d.std() / math.sqrt(len(d))
    return d.mean().item(), half.item()


# --- figure ---
chart = plots.bars({name: len(name) for name in tokenizers}, "letters")
