"""One bug left. The codes begin as zeros, all equal."""


# loses: test_codes_differ
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def first_codes(self):
        return torch.zeros(self.num_codes, self.code_dim)
