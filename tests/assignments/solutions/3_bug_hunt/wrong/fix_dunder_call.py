"""`call` was renamed to `__call__`: layer(z) works, and the module's hooks do not run."""


# loses: test_call
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    __call__ = Quantiser.forward
    forward = nn.Module.forward
