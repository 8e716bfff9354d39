"""The stop-gradient is around the whole line: nothing passes."""


# loses: test_encoder_learns
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def straight_through(self, z, e):
        return (z + (e - z)).detach()
