"""Everything in loops, one token, code or seed after the other."""


# --- bits_per_token ---
def bits_per_token(logits, indices):
    costs = []
    for z, k in zip(logits, indices, strict=True):
        for i in range(k.shape[0]):
            for j in range(k.shape[1]):
                column = z[:, i, j]
                costs.append(torch.logsumexp(column, 0) - column[k[i, j]])
    return sum(costs) / len(costs) / math.log(2)


# --- row ---
def row(tokens, classes, K):
    lines = []
    for grid, y in zip(tokens.tolist(), classes.tolist(), strict=True):
        line = [K + y]
        for part in grid:
            line.extend(part)
        lines.append(line[:-1])
    return torch.tensor(lines)


# --- attend ---
def attend(q, k, v):
    out = torch.empty_like(v)
    for b in range(len(q)):
        for i in range(q.shape[1]):
            scores = torch.stack([q[b, i] @ k[b, j] for j in range(i + 1)]) / q.shape[2] ** 0.5
            weights = scores.softmax(0)
            out[b, i] = sum(weights[j] * v[b, j] for j in range(i + 1))
    return out


# --- tempered ---
def tempered(logits, temperature):
    rows = []
    for z in logits:
        e = torch.exp((z - z.max()) / temperature)
        rows.append(e / e.sum())
    return torch.stack(rows)


# --- top_k ---
def top_k(logits, k):
    kept = torch.full_like(logits, float("-inf"))
    for b in range(len(logits)):
        order = sorted(range(logits.shape[1]), key=lambda c: -logits[b, c].item())
        for c in order[:k]:
            kept[b, c] = logits[b, c]
    return kept


# --- top_p ---
def top_p(logits, p):
    kept = torch.full_like(logits, float("-inf"))
    for b, z in enumerate(logits):
        q, total = z.softmax(0), 0.0
        for c in q.argsort(descending=True).tolist():
            if total >= p:
                break
            kept[b, c] = z[c]
            total += q[c].item()
    return kept


# --- sample ---
def sample(prior, labels, choose):
    prior.eval()
    h, w = prior.grid
    tokens = torch.zeros((len(labels), h, w)).long()
    for n in range(h * w):
        with torch.no_grad():
            z = prior(tokens, labels)
        i, j = n // w, n % w
        tokens[:, i, j] = choose(z[:, :, i, j])
    return tokens


# --- paired ---
def paired(first, second):
    if len(first) != len(second):
        raise ValueError(f"no pairs: {len(first)} and {len(second)} runs")
    total = 0.0
    for i in range(len(first)):
        total += second[i] - first[i]
    mean = total / len(first)
    squares = 0.0
    for i in range(len(first)):
        squares += (second[i] - first[i] - mean) ** 2
    variance = squares / (len(first) - 1)
    return mean, results.STUDENT[len(first) - 2] * (variance / len(first)) ** 0.5


# --- figure ---
import matplotlib.pyplot as plt

figure, axis = plt.subplots()
for rung in ("squared", "adversarial"):
    axis.plot(value("psnr", "fashion", rung), value("frechet", "fashion", rung), "o", label=rung)
axis.set_xlabel("PSNR [dB]")
axis.set_ylabel("Fréchet distance")
axis.legend()
