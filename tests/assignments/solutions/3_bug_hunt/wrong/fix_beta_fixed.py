"""β is set, to 0.25, whatever the argument says."""


# loses: test_beta
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def __init__(self, num_codes, code_dim, beta=0.25):
        nn.Module.__init__(self)
        self.num_codes, self.code_dim = num_codes, code_dim
        self.beta = 0.25
        self.codebook = nn.Parameter(self.first_codes())
