"""The library's own calls wherever there is one."""


# --- bits_per_token ---
def bits_per_token(logits, indices):
    return F.cross_entropy(logits, indices) / math.log(2)


# --- row ---
def row(indices, labels, num_codes):
    line = F.pad(indices.flatten(1), (1, -1))
    line[:, 0] = num_codes + labels
    return line


# --- attend ---
def attend(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


# --- tempered ---
def tempered(logits, temperature):
    return torch.distributions.Categorical(logits=logits / temperature).probs


# --- top_k ---
def top_k(logits, k):
    codes = torch.topk(logits, k).indices
    kept = torch.zeros_like(logits, dtype=torch.bool).scatter(1, codes, True)
    return torch.where(kept, logits, -torch.inf)


# --- top_p ---
def top_p(logits, p):
    values, codes = torch.sort(logits, descending=True, dim=-1)
    remove = torch.cumsum(values.softmax(-1), dim=-1) >= p
    remove[:, 1:] = remove[:, :-1].clone()
    remove[:, 0] = False
    return logits.masked_fill(remove.scatter(1, codes, remove), float("-inf"))


# --- sample ---
@torch.inference_mode()
def sample(prior, labels, choose):
    was = prior.training
    prior.train(False)
    grid = labels.new_zeros(len(labels), *prior.grid)
    for i, j in torch.cartesian_prod(*[torch.arange(side) for side in prior.grid]).tolist():
        grid[:, i, j] = choose(prior(grid, labels)[..., i, j])
    prior.train(was)
    return grid


# --- paired ---
def paired(first, second):
    from statistics import mean, stdev

    gaps = [y - x for x, y in zip(first, second, strict=True)]
    return mean(gaps), results.STUDENT[len(gaps) - 2] * stdev(gaps) / len(gaps) ** 0.5


# --- figure ---
chart = plots.dots({"PSNR": {"VQ-VAE": value("psnr", "fashion", "squared")}})
chart
