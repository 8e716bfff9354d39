"""The expanded square, einsum and one-hot rows; the stop-gradient by no_grad."""


# --- quantiser ---
class Quantiser(nn.Module):
    def __init__(self, num_codes, code_dim, beta=0.25):
        super().__init__()
        self.beta = beta
        self.num_codes = num_codes
        self.code_dim = code_dim
        codes = self.first_codes()
        self.codebook = nn.Parameter(codes, requires_grad=True)

    def first_codes(self):
        return torch.nn.init.normal_(torch.zeros(self.num_codes, self.code_dim), std=0.5)

    def distances(self, vectors):
        norms = torch.einsum("nd,nd->n", vectors, vectors)[:, None]
        norms = norms + torch.einsum("kd,kd->k", self.codebook, self.codebook)
        return norms - 2 * torch.einsum("nd,kd->nk", vectors, self.codebook)

    def straight_through(self, z, e):
        with torch.no_grad():
            step = e - z
        return z + step

    def codebook_loss(self, z, e):
        gap = (z.data - e).flatten()
        return gap @ gap / len(gap)

    def commitment_loss(self, z, e):
        gap = (z - e.data).flatten()
        return gap @ gap / len(gap)

    def total(self, z, e):
        loss = self.beta * self.commitment_loss(z, e)
        return loss + self.codebook_loss(z, e)

    def forward(self, z):
        B, _, h, w = z.shape
        rows = torch.einsum("bdhw->bhwd", z).flatten(0, 2)
        indices = (-self.distances(rows)).argmax(1)
        one_hot = F.one_hot(indices, len(self.codebook)).float()
        e = torch.einsum("pk,kd->pd", one_hot, self.codebook).view(B, h, w, -1)
        e = e.permute(0, 3, 1, 2)
        return self.straight_through(z, e), indices.view(B, h, w), self.total(z, e)
