"""The codebook became a buffer: it is saved, and never trained."""


# loses: test_codes_learn
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def __init__(self, num_codes, code_dim, beta=0.25):
        nn.Module.__init__(self)
        self.num_codes, self.code_dim = num_codes, code_dim
        self.beta = beta
        self.register_buffer("codebook", self.first_codes())
