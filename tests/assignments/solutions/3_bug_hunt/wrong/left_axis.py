"""One bug left. The squares are summed over the codes in place of the D numbers."""


# loses: test_distances
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def distances(self, vectors):
        differences = vectors[:, None] - self.codebook
        return differences.square().sum(dim=1)
