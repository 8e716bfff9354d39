"""Loops wherever there can be any."""


# --- distances ---
def distances(vectors, codebook):
    table = torch.zeros(len(vectors), len(codebook))
    for i, z in enumerate(vectors):
        for j, code in enumerate(codebook):
            table[i, j] = ((z - code) ** 2).sum()
    return table


# --- quantise ---
def quantise(z_e, codebook):
    B = len(z_e)
    flat = z_e.flatten(2)  # (B, D, P)
    indices = torch.zeros(B, flat.shape[2], dtype=torch.int64)
    images = []
    for b in range(B):
        columns = []
        for p in range(flat.shape[2]):
            indices[b, p] = quantizers.assign(flat[b, :, p][None], codebook)[0]
            columns.append(codebook[indices[b, p]])
        images.append(torch.stack(columns, 1))
    return indices.view(B, *z_e.shape[2:]), torch.stack(images).view(z_e.shape)


# --- straight_through ---
def straight_through(z_e, e):
    difference = e.detach() - z_e.detach()
    return difference + z_e


# --- losses ---
def losses(z_e, e, beta=0.25):
    first, second = 0.0, 0.0
    for a, b in zip(z_e.flatten(), e.flatten(), strict=True):
        first = first + (a.detach() - b) ** 2
        second = second + (a - b.detach()) ** 2
    n = z_e.numel()
    return first / n, second / n, first / n + beta * second / n


# --- by_hand ---
def by_hand(z_e, codebook, indices, wish, beta=0.25):
    N, D = z_e.shape
    at_z_e, at_codes = wish.clone(), torch.zeros_like(codebook)
    for i in range(N):
        k = indices[i]
        at_z_e[i] += beta * 2 / (N * D) * (z_e[i] - codebook[k])
        at_codes[k] += 2 / (N * D) * (codebook[k] - z_e[i])
    return at_z_e, at_codes


# --- vq_layer ---
def vq_layer(z_e, codebook, beta=0.25):
    B, D = z_e.shape[:2]
    rows = z_e.flatten(2).transpose(1, 2).flatten(0, 1)
    k = assign(rows, codebook)
    chosen = codebook[k]
    to_codes = ((chosen - rows.detach()) ** 2).sum() / rows.numel()
    to_encoder = ((rows - chosen.detach()) ** 2).sum() / rows.numel()
    passed = pass_gradient(rows, chosen).view(B, -1, D).transpose(1, 2).reshape(z_e.shape)
    return passed, k.view(B, *z_e.shape[2:]), to_codes + beta * to_encoder


# --- different ---
different = {"decoder": True, "codebook": False}
different["encoder"] = True
