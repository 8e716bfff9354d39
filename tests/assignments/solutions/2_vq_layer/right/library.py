"""As much as possible from PyTorch's library."""


# --- distances ---
def distances(vectors, codebook):
    return torch.cdist(vectors, codebook, compute_mode="donot_use_mm_for_euclid_dist").pow(2)


# --- quantise ---
def quantise(z_e, codebook):
    last = z_e.permute(0, *range(2, z_e.ndim), 1)
    k = quantizers.assign(last.contiguous().view(-1, z_e.size(1)), codebook)
    k = k.unflatten(0, last.shape[:-1])
    e = F.embedding(k, codebook)
    return k, e.permute(0, e.ndim - 1, *range(1, e.ndim - 1)).contiguous()


# --- straight_through ---
class Copy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z_e, e):
        return e.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def straight_through(z_e, e):
    return Copy.apply(z_e, e)


# --- losses ---
def losses(z_e, e, beta=0.25):
    mse = torch.nn.MSELoss(reduction="mean")
    terms = mse(e, z_e.data), mse(z_e, e.data)
    return *terms, torch.stack(terms) @ torch.tensor([1.0, beta])


# --- by_hand ---
def by_hand(z_e, codebook, indices, wish, beta=0.25):
    pull = F.embedding(indices, codebook).sub(z_e).mul(2 / z_e.numel())
    where = indices[:, None].expand_as(pull)
    return wish.sub(pull, alpha=beta), torch.zeros_like(codebook).scatter_add(0, where, pull)


# --- vq_layer ---
def vq_layer(z_e, codebook, beta=0.25):
    z = z_e.movedim(1, -1).contiguous()
    k = assign(z.detach().view(-1, z.size(-1)), codebook.detach()).view(z.shape[:-1])
    e = F.embedding(k, codebook)
    loss = F.mse_loss(z.detach(), e).add(F.mse_loss(z, e.detach()), alpha=beta)
    return pass_gradient(z_e, e.movedim(-1, 1)), k, loss
