"""One bug left. The codebook is a plain tensor, which no optimiser ever sees."""


# loses: test_codes_learn
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def __init__(self, num_codes, code_dim, beta=0.25):
        nn.Module.__init__(self)
        self.num_codes, self.code_dim = num_codes, code_dim
        self.beta = beta
        self.codebook = self.first_codes()
