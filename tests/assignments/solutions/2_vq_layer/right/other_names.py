"""Other names, another origin for the distances, the loss in the form of the map."""


# --- distances ---
def distances(points, centres):
    """Double precision has digits enough for both squares."""
    p, c = points.double(), centres.double()
    squares = (p * p).sum(1).unsqueeze(1) + (c * c).sum(1).unsqueeze(0)
    return (squares - 2 * p.mm(c.t())).to(points.dtype)


# --- quantise ---
def quantise(features, table):
    last = torch.moveaxis(features, 1, -1)
    number = quantizers.assign(last.reshape(-1, table.size(1)), table)
    chosen = table.index_select(0, number).reshape(last.shape)
    return number.reshape(last.shape[:-1]), torch.moveaxis(chosen, -1, 1)


# --- straight_through ---
def straight_through(features, chosen):
    return features - features.detach() + chosen.detach()


# --- losses ---
def losses(features, chosen, weight=0.25):
    dictionary = (chosen - features.detach()).pow(2).mean()
    closeness = (features - chosen.detach()).pow(2).mean()
    return dictionary, closeness, weight * closeness + dictionary


# --- by_hand ---
def by_hand(features, table, number, asked, weight=0.25):
    n, d = features.shape
    away = features - table[number]
    rows = [-away[number == k].sum(0) for k in range(len(table))]
    return asked + 2 * weight / (n * d) * away, 2 / (n * d) * torch.stack(rows)


# --- vq_layer ---
def vq_layer(features, table, weight=0.25):
    rows = features.flatten(2).mT.reshape(-1, table.size(1))
    number = assign(rows, table).view(len(features), *features.shape[2:])
    chosen = table[number].movedim(-1, 1)
    closeness = (features - chosen.detach()).pow(2).mean()
    dictionary = (features.detach() - chosen).pow(2).mean()
    return pass_gradient(features, chosen), number, dictionary + weight * closeness


# --- different ---
different = {"encoder": bool(1), "decoder": bool(1), "codebook": bool(0)}
