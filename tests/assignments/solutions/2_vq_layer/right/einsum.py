"""Contractions by einsum, one-hot matrices in the place of look-ups."""


# --- distances ---
def distances(vectors, codebook):
    c = vectors.mean(dim=0, keepdim=True)
    a, b = vectors - c, codebook - c
    aa, bb = torch.einsum("nd,nd->n", a, a), torch.einsum("kd,kd->k", b, b)
    return aa[:, None] + bb[None] - 2 * torch.einsum("nd,kd->nk", a, b)


# --- quantise ---
def quantise(z_e, codebook):
    shape = z_e.shape
    rows = torch.einsum("bdp->bpd", z_e.flatten(2)).flatten(0, 1)
    k = quantizers.assign(rows, codebook)
    one_hot = F.one_hot(k, len(codebook)).to(codebook.dtype)
    e = torch.einsum("bpk,kd->bdp", one_hot.view(shape[0], -1, len(codebook)), codebook)
    return k.reshape(shape[0], *shape[2:]), e.reshape(shape)


# --- straight_through ---
def straight_through(z_e, e):
    with torch.no_grad():
        step = e - z_e
    return z_e + step


# --- losses ---
def losses(z_e, e, beta=0.25):
    a = (z_e.detach() - e).flatten()
    b = (z_e - e.detach()).flatten()
    codebook, commitment = torch.einsum("i,i", a, a) / len(a), torch.einsum("i,i", b, b) / len(b)
    return codebook, commitment, codebook + beta * commitment


# --- by_hand ---
def by_hand(z_e, codebook, indices, wish, beta=0.25):
    chosen = F.one_hot(indices, len(codebook)).to(z_e.dtype)  # (N, K)
    scale = 2 / z_e.numel()
    difference = chosen @ codebook - z_e
    return wish - beta * scale * difference, scale * torch.einsum("nk,nd->kd", chosen, difference)


# --- vq_layer ---
def vq_layer(z_e, codebook, beta=0.25):
    z = torch.movedim(z_e, 1, -1)
    k = assign(z.flatten(0, -2), codebook)
    e = (F.one_hot(k, len(codebook)).float() @ codebook).view(z.shape)
    codebook_term = torch.mean((z.detach() - e).pow(2))
    commitment_term = torch.mean((e.detach() - z).pow(2))
    return (
        pass_gradient(z, e).movedim(-1, 1),
        k.view(z.shape[:-1]),
        codebook_term + beta * commitment_term,
    )
