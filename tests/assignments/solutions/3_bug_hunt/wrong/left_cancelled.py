"""One bug left. z + (e - z) looks like straight-through, but the two z cancel in the derivative."""


# loses: test_encoder_learns
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def straight_through(self, z, e):
        return z + (e - z)
