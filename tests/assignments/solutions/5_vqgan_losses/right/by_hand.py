"""No in-place changes, own formulas in place of library functions."""


# --- hinge_critic ---
def hinge_critic(real, fake):
    r, f = 1 - real, 1 + fake
    return ((r + r.abs()) / 2).mean() / 2 + ((f + f.abs()) / 2).mean() / 2


# --- hinge_autoencoder ---
def hinge_autoencoder(fake):
    flat = fake.flatten()
    return -(flat @ torch.ones_like(flat)) / len(flat)


# --- unit ---
def unit(f, eps=1e-6):
    rows = f.movedim(1, -1)
    rows = rows / ((rows[..., None, :] @ rows[..., :, None])[..., 0] + eps) ** 0.5
    return rows.movedim(-1, 1)


# --- distance ---
class PerceptualDistance(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        for p in self.network.parameters():
            p.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, x_hat, x):
        both = self.network(torch.cat([x_hat, x.detach()]))
        result = 0
        for maps in both:
            ours, theirs = unit_length(maps).chunk(2)
            result = result + (ours - theirs).pow(2).sum(dim=1).flatten(1).mean(dim=1)
        return result


# --- adaptive_weight ---
def adaptive_weight(nll, g, last_layer):
    old = last_layer.requires_grad
    first = torch.autograd.grad(nll, last_layer, retain_graph=True)
    second = torch.autograd.grad(g, last_layer, retain_graph=True)
    assert old
    a, b = first[0].detach().flatten(), second[0].detach().flatten()
    lam = torch.tensor((a @ a) ** 0.5 / ((b @ b) ** 0.5 + 1e-4))  # right, and torch warns
    return lam if lam < 1e4 else torch.full_like(lam, 1e4)


# --- critic_loss ---
def critic_loss(critic, x, x_hat):
    copy_of_x_hat = torch.tensor(x_hat.tolist())
    pictures = F.relu(1 - critic(x)).mean()
    reconstructions = F.relu(1 + critic(copy_of_x_hat)).mean()
    return pictures / 2 + reconstructions / 2


# --- reaches ---
def reaches():
    with_ste = ["encoder", "decoder"]
    answer = {}
    answer["absolute error"] = set(with_ste)
    answer["perceptual distance"] = set(with_ste)
    answer["codebook term"] = set(["codebook"])
    answer["commitment term"] = set(["encoder"])
    answer["g"] = set(with_ste + ["critic"])
    answer["critic's loss"] = set(["critic"])
    return answer


# --- step ---
def step(model, critic, x, of_model, of_critic):
    loss, x_hat = autoencoder_loss(model, critic, x)
    made = x_hat.detach().clone()
    of_model.zero_grad()
    loss.backward()
    of_critic.zero_grad()
    rival = adversarial.hinge_d(critic(x), critic(made))
    rival.backward()
    of_critic.step()
    of_model.step()


# --- rung ---
def rung(name, variance, distance, critic):
    match name:
        case "squared":
            return objectives.VQGANObjective(
                distance, None, perceptual_weight=0, pixels="squared", data_variance=variance
            )
        case "absolute":
            return objectives.VQGANObjective(critic and None, None)
        case "perceptual":
            return objectives.VQGANObjective(distance, critic, adversarial_weight=0)
        case "adversarial":
            return objectives.VQGANObjective(perceptual=distance, discriminator=critic)
