"""The commitment loss, which was right, lost its detach."""


# loses: test_terms
# --- quantiser ---
class Quantiser(nn.Module):
    """Replaces each vector of a feature map by the nearest of K codes."""

    def __init__(self, num_codes, code_dim, beta=0.25):
        super().__init__()
        self.num_codes, self.code_dim = num_codes, code_dim
        self.beta = beta
        self.codebook = nn.Parameter(self.first_codes())

    def first_codes(self):
        return torch.randn(self.num_codes, self.code_dim)

    def distances(self, vectors):
        differences = vectors[:, None] - self.codebook
        return differences.square().sum(dim=2)

    def straight_through(self, z, e):
        return z + (e - z).detach()

    def codebook_loss(self, z, e):
        return F.mse_loss(e, z.detach())

    def commitment_loss(self, z, e):
        return F.mse_loss(z, e)

    def total(self, z, e):
        return self.codebook_loss(z, e) + self.beta * self.commitment_loss(z, e)

    def forward(self, z):
        last = z.movedim(1, -1)
        distances = self.distances(last.reshape(-1, self.code_dim))
        indices = distances.argmin(dim=1).view(last.shape[:-1])
        e = self.codebook[indices].movedim(-1, 1)
        return self.straight_through(z, e), indices, self.total(z, e)
