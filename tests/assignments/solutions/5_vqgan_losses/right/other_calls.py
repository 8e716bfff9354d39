"""Other calls of the library: clamp, functional_call, einsum, torch.linalg, zeros by multiplication."""


# --- hinge_critic ---
def hinge_critic(real, fake):
    margin_real = torch.where(real < 1, 1 - real, torch.zeros_like(real))
    margin_fake = torch.where(fake > -1, 1 + fake, torch.zeros_like(fake))
    return torch.stack([margin_real.mean(), margin_fake.mean()]).mean()


# --- hinge_autoencoder ---
def hinge_autoencoder(fake):
    return fake.neg().sum() / fake.numel()


# --- unit ---
def unit(f, eps=1e-6):
    return f * torch.einsum("bchw,bchw->bhw", f, f).add(eps).rsqrt().unsqueeze(1)


# --- distance ---
class PerceptualDistance(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def train(self, mode=True):
        return super().train(mode)

    def forward(self, x_hat, x):
        self.network.eval()
        state = {**dict(self.network.named_parameters()), **dict(self.network.named_buffers())}
        state = {name: value.detach() for name, value in state.items()}
        maps_hat = torch.func.functional_call(self.network, state, (x_hat,))
        maps = torch.func.functional_call(self.network, state, (x,))
        total = x_hat.new_zeros(len(x_hat))
        for a, b in zip(maps_hat, maps, strict=True):
            gap = unit_length(a) - unit_length(b.detach())
            total = total + torch.einsum("bchw,bchw->b", gap, gap) / gap[0, 0].numel()
        return total


# --- adaptive_weight ---
def adaptive_weight(nll, g, last_layer):
    a = torch.autograd.grad(nll, [last_layer], retain_graph=True)[0]
    b = torch.autograd.grad(g, [last_layer], create_graph=True)[0]
    with torch.no_grad():
        lam = torch.linalg.vector_norm(a) / torch.add(torch.linalg.vector_norm(b), 1e-4)
        return torch.clip(lam, 0.0, 1e4)


# --- critic_loss ---
def critic_loss(critic, x, x_hat):
    with torch.no_grad():
        made = x_hat.clone()
    fake = critic(made)
    real = critic(x)
    return adversarial.hinge_d(real, fake)


# --- reaches ---
def reaches():
    ends = frozenset(["encoder", "decoder"])
    rows = ["absolute error", "perceptual distance", "codebook term", "commitment term"]
    sets = [ends, ends, {"codebook"}, {"encoder"}]
    return dict(zip(rows, sets)) | {"g": ends | {"critic"}, "critic's loss": {"critic"}}


# --- step ---
def step(model, critic, x, of_model, of_critic):
    critic.requires_grad_(False)
    loss, x_hat = autoencoder_loss(model, critic, x)
    critic.requires_grad_(True)
    rival = adversarial.hinge_d(critic(x), critic(x_hat.detach()))
    for optimiser, value in ((of_model, loss), (of_critic, rival)):
        optimiser.zero_grad(set_to_none=False)
        value.backward()
    of_critic.step()
    of_model.step()


# --- rung ---
def rung(name, variance, distance, critic):
    make = objectives.VQGANObjective
    rungs = {
        "squared": lambda: make(None, None, pixels="squared", data_variance=variance),
        "absolute": lambda: make(None, None, pixels="absolute"),
        "perceptual": lambda: make(distance, None, perceptual_weight=1.0),
        "adversarial": lambda: make(distance, critic, adversarial_weight=0.8, start=0, warmup=0),
    }
    return rungs[name]()
