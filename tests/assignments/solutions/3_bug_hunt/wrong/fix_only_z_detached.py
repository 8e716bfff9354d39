"""Only z is detached inside the bracket: the encoder learns, and the decoder's gradient goes to
the codes as well."""


# loses: test_encoder_learns
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    def straight_through(self, z, e):
        return z + (e - z.detach())
