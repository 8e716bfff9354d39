"""eval() is called once, and the parent's train() undoes it."""


# loses: test_distance_fixed
# --- distance after teacher ---
class PerceptualDistance(PerceptualDistance):
    def train(self, mode=True):
        return nn.Module.train(self, mode)
