"""eval() is called once, and the parent's train() undoes it."""


# loses: test_distance_fixed
# --- distance ---
class PerceptualDistance(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.requires_grad_(False)
        self.eval()

    def train(self, mode=True):
        return super().train(mode)

    def forward(self, x_hat, x):
        with torch.no_grad():
            originals = self.network(x)
        pairs = zip(self.network(x_hat), originals, strict=True)
        squares = [(unit_length(a) - unit_length(b)).square() for a, b in pairs]
        return sum(s.sum(1).mean((1, 2)) for s in squares)
