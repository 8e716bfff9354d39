"""The codebook is a parameter, and frozen."""


# loses: test_codes_learn
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def __init__(self, num_codes, code_dim, beta=0.25):
        nn.Module.__init__(self)
        self.num_codes, self.code_dim = num_codes, code_dim
        self.beta = beta
        self.codebook = nn.Parameter(self.first_codes(), requires_grad=False)
