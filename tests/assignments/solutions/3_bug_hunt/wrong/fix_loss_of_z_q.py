"""The loss is worked out with z_q, behind the straight-through line: the codes never learn."""


# loses: test_call
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def forward(self, z):
        last = z.movedim(1, -1)
        distances = self.distances(last.reshape(-1, self.code_dim))
        indices = distances.argmin(dim=1).view(last.shape[:-1])
        e = self.codebook[indices].movedim(-1, 1)
        return self.straight_through(z, e), indices, self.total(z, self.straight_through(z, e))
