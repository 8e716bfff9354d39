"""cdist, embedding and an autograd function; the loss written out in one place."""


# --- quantiser ---
class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, e):
        return e.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Quantiser(nn.Module):
    def __init__(self, num_codes, code_dim, beta=0.25):
        super().__init__()
        self.num_codes, self.code_dim, self.beta = num_codes, code_dim, beta
        self.register_parameter("codebook", nn.Parameter(self.first_codes()))

    def first_codes(self):
        return nn.init.xavier_uniform_(torch.empty(self.num_codes, self.code_dim))

    def distances(self, vectors):
        return torch.cdist(
            vectors, self.codebook, compute_mode="donot_use_mm_for_euclid_dist"
        ).square()

    def straight_through(self, z, e):
        return Straight.apply(z, e)

    def codebook_loss(self, z, e):
        return nn.MSELoss()(z.detach(), e)

    def commitment_loss(self, z, e):
        return nn.MSELoss()(z, e.detach())

    def total(self, z, e):
        return torch.add(F.mse_loss(e, z.detach()), F.mse_loss(z, e.detach()), alpha=self.beta)

    def forward(self, z):
        rows = z.permute(0, 2, 3, 1).reshape(-1, self.code_dim)
        indices = self.distances(rows).min(1).indices.view(len(z), *z.shape[2:])
        e = F.embedding(indices, self.codebook).permute(0, 3, 1, 2)
        return self.straight_through(z, e), indices, self.total(z, e)


# --- whose ---
whose = {letter: "VQGAN" if letter in "BDFG" else "both" for letter in "ABCDEFGH"}
