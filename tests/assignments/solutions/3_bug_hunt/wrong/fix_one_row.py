"""One random code, repeated K times."""


# loses: test_codes_differ
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def first_codes(self):
        return torch.randn(1, self.code_dim).repeat(self.num_codes, 1)
