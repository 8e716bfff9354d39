"""One code subtracted in place of the mean, the value of a copy exchanged, sums in place."""


# --- distances ---
def distances(vectors, codebook):
    origin = codebook[0].clone()
    table = []
    for z in vectors - origin:
        table.append((z - (codebook - origin)).square().sum(1))
    return torch.stack(table)


# --- by_hand ---
def by_hand(z_e, codebook, indices, wish, beta=0.25):
    codes = codebook.index_select(0, indices)
    at_codebook = torch.zeros_like(codebook)
    at_codebook.index_put_((indices,), 2 * (codes - z_e) / z_e.numel(), accumulate=True)
    at_z_e = wish.clone()
    at_z_e += beta * 2 * (z_e - codes) / z_e.numel()
    return at_z_e, at_codebook


# --- straight_through ---
def straight_through(z_e, e):
    z_q = z_e.clone()
    z_q.data = e.detach().clone()
    return z_q
