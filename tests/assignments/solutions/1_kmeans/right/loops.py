"""Plain loops over vectors, codes and tokens, and no call that does two things at once."""


# --- squared_distances ---
def squared_distances(vectors, codes):
    table = torch.empty(len(vectors), len(codes))
    for i, x in enumerate(vectors):
        for j, e in enumerate(codes):
            table[i, j] = ((x - e) ** 2).sum()
    return table


# --- nearest ---
def nearest(distances):
    tokens = []
    for row in distances.tolist():
        tokens.append(row.index(min(row)))
    return torch.tensor(tokens)


# --- distortion ---
def distortion(vectors, codes, indices):
    total = 0.0
    for x, k in zip(vectors, indices.tolist(), strict=True):
        total += float(((x - codes[k]) ** 2).sum())
    return total / vectors.numel()


# --- centroids ---
def centroids(vectors, indices, codes):
    result = codes.clone()
    for j in range(len(codes)):
        members = vectors[indices == j]
        if len(members):
            result[j] = members.mean(0)
    return result


# --- lloyd ---
def lloyd(vectors, codes, rounds):
    errors = [error(vectors, codes)]
    tokens = assign(vectors, codes)
    done = 0
    while done < rounds:
        codes = move(vectors, tokens, codes)
        now = assign(vectors, codes)
        errors.append(error(vectors, codes))
        done += 1
        if now.tolist() == tokens.tolist():
            done = rounds
        tokens = now
    return codes, errors


# --- entropy ---
def entropy(indices, num_codes):
    tokens, bits = indices.flatten().tolist(), 0.0
    for code in range(num_codes):
        share = tokens.count(code) / len(tokens)
        if share > 0:
            bits -= share * math.log2(share)
    return bits


# --- shannon_rate ---
def shannon_rate(distortion, variance):
    if distortion >= variance:
        return 0
    return math.log(variance / distortion) / (2 * math.log(2))


# --- token_bits ---
def token_bits(indices, counts):
    total, cost = int(counts.sum()) + len(counts), 0.0
    for k in indices.tolist():
        cost -= math.log2((int(counts[k]) + 1) / total)
    return cost / len(indices)


# --- dominates ---
def dominates(a, b):
    better = False
    for i in range(len(a)):
        if a[i] > b[i]:
            return False
        if a[i] < b[i]:
            better = True
    return better
