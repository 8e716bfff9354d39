"""Computes all before anything moves, and takes gradients without touching .grad."""


# --- hinge_critic ---
def hinge_critic(real, fake):
    return 0.5 * (1 - real).clamp_min(0).mean() + 0.5 * (fake + 1).clamp_min(0).mean()


# --- hinge_autoencoder ---
def hinge_autoencoder(fake):
    return (0 - fake).mean()


# --- unit ---
def unit(f, eps=1e-6):
    return f.div(torch.sqrt(torch.sum(f * f, dim=1, keepdim=True) + eps))


# --- distance ---
class PerceptualDistance(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def train(self, mode=True):
        for part in self.modules():
            part.training = False
        return self

    def forward(self, x_hat, x):
        originals = [unit_length(f).detach() for f in self.network(x)]
        found = [unit_length(f) for f in self.network(x_hat)]
        parts = [2 - 2 * (a * b).sum(1) for a, b in zip(found, originals, strict=True)]
        parts = [((a - b) ** 2).sum(1) + 0 * p for a, b, p in zip(found, originals, parts)]
        return torch.stack([p.flatten(1).mean(1) for p in parts]).sum(0)


# --- adaptive_weight ---
def adaptive_weight(nll, g, last_layer):
    def length(loss):
        return torch.autograd.grad(loss, last_layer, retain_graph=True)[0].pow(2).sum().sqrt()

    return torch.minimum(length(nll) / (length(g) + 0.0001), torch.tensor(10_000.0)).detach()


# --- critic_loss ---
def critic_loss(critic, x, x_hat):
    logits = critic(torch.cat([x, x_hat.detach()]))
    return adversarial.hinge_d(logits[: len(x)], logits[len(x) :])


# --- reaches ---
def reaches():
    return {
        "critic's loss": {"critic"},
        "g": {"critic", "decoder", "encoder"},
        "commitment term": {"encoder"},
        "codebook term": {"codebook"},
        "perceptual distance": {"decoder", "encoder"},
        "absolute error": {"decoder", "encoder"},
    }


# --- step ---
def step(model, critic, x, of_model, of_critic):
    loss, x_hat = autoencoder_loss(model, critic, x)
    rival = adversarial.hinge_d(critic(x), critic(x_hat.detach()))
    mine, theirs = list(model.parameters()), list(critic.parameters())
    of_mine = torch.autograd.grad(loss, mine)
    of_theirs = torch.autograd.grad(rival, theirs)
    for p, slope in zip(mine + theirs, of_mine + of_theirs, strict=True):
        p.grad = slope
    of_model.step()
    of_critic.step()


# --- rung ---
def rung(name, variance, distance, critic):
    number = ["squared", "absolute", "perceptual", "adversarial"].index(name)
    pixels = "squared" if number == 0 else "absolute"
    return objectives.VQGANObjective(
        distance if number >= 2 else None,
        critic if number == 3 else None,
        pixels=pixels,
        data_variance=variance,
    )
