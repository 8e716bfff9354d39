"""Loops over vectors, codes and places; other names; the codes begin in a small cube."""


# --- quantiser ---
class Quantiser(nn.Module):
    def __init__(self, K, D, beta=0.25):
        super().__init__()
        self.K, self.D = K, D
        self.beta = float(beta)
        self.codebook = nn.Parameter(torch.empty(K, D))
        with torch.no_grad():
            self.codebook.copy_(self.first_codes())

    def first_codes(self):
        return (2 * torch.rand(self.K, self.D) - 1) / self.K

    def distances(self, rows):
        table = []
        for row in rows:
            table.append(torch.stack([((row - code) ** 2).sum() for code in self.codebook]))
        return torch.stack(table)

    def straight_through(self, features, codes):
        jump = codes.detach() - features.detach()
        return features + jump

    def codebook_loss(self, features, codes):
        return ((codes - features.detach()) ** 2).sum() / codes.numel()

    def commitment_loss(self, features, codes):
        return ((codes.detach() - features) ** 2).sum() / codes.numel()

    def total(self, features, codes):
        terms = [self.codebook_loss(features, codes)]
        terms.append(self.beta * self.commitment_loss(features, codes))
        return sum(terms)

    def forward(self, features):
        B, D, h, w = features.shape
        indices = torch.zeros(B, h, w, dtype=torch.int64)
        codes = []
        for b in range(B):
            rows = features[b].flatten(1).T
            chosen = self.distances(rows).argmin(1)
            indices[b] = chosen.view(h, w)
            codes.append(self.codebook[chosen].T.reshape(D, h, w))
        codes = torch.stack(codes)
        return self.straight_through(features, codes), indices, self.total(features, codes)
