"""Not zeros any more, but all codes are still equal."""


# loses: test_codes_differ
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def first_codes(self):
        return torch.ones(self.num_codes, self.code_dim)
