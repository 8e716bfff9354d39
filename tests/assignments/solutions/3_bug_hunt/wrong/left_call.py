"""One bug left. `call` is another library's name: PyTorch never runs it."""


# loses: test_call
# --- quantiser after teacher ---
class Quantiser(Quantiser):
    call = Quantiser.forward
    forward = nn.Module.forward
