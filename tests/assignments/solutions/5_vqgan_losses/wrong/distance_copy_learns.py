"""The network is copied, and the copy not frozen."""


# loses: test_distance_gradient
# --- distance after teacher ---
class PerceptualDistance(PerceptualDistance):
    def __init__(self, network):
        nn.Module.__init__(self)
        self.network = copy.deepcopy(network).eval()
