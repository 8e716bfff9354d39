"""Everything in loops over images, maps and weights."""


# --- hinge_critic ---
def hinge_critic(logits_x, logits_x_hat):
    total = 0.0
    for logit in logits_x.reshape(-1):
        total = total + torch.clamp(1 - logit, min=0) / logits_x.numel()
    for logit in logits_x_hat.reshape(-1):
        total = total + torch.clamp(1 + logit, min=0) / logits_x_hat.numel()
    return 0.5 * total


# --- hinge_autoencoder ---
def hinge_autoencoder(logits):
    total = 0.0
    for logit in logits.flatten():
        total = total - logit
    return total / logits.numel()


# --- unit ---
def unit(features, eps=1e-6):
    squares = sum(features[:, c] ** 2 for c in range(features.shape[1]))
    length = torch.sqrt(squares + eps)
    return torch.stack([features[:, c] / length for c in range(features.shape[1])], dim=1)


# --- distance ---
class PerceptualDistance(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        for p in self.network.parameters():
            p.requires_grad = False
        self.network.eval()

    def train(self, mode=True):
        self.training = mode
        self.network.train(False)
        return self

    def forward(self, x_hat, x):
        distances = []
        for one_hat, one in zip(x_hat, x, strict=True):
            total = 0.0
            maps = self.network(one_hat[None]), self.network(one.detach()[None])
            for a, b in zip(*maps, strict=True):
                gap = unit_length(a) - unit_length(b)
                for row in range(a.shape[2]):
                    for column in range(a.shape[3]):
                        places = a.shape[2] * a.shape[3]
                        total = total + (gap[0, :, row, column] ** 2).sum() / places
            distances.append(total)
        return torch.stack(distances)


# --- adaptive_weight ---
def adaptive_weight(nll, g, last_layer):
    lengths = []
    for loss in (nll, g):
        gradient = torch.autograd.grad(loss, last_layer, retain_graph=True)[0]
        lengths.append(sum(float(v) ** 2 for v in gradient.flatten()) ** 0.5)
    ratio = lengths[0] / (lengths[1] + 1e-4)
    return torch.tensor(min(max(ratio, 0.0), 1e4))


# --- critic_loss ---
def critic_loss(critic, x, x_hat):
    made = x_hat.detach()
    real, fake = critic(x), critic(made)
    return (torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()) / 2


# --- reaches ---
def reaches():
    answer = {name: set() for name in ("codebook term", "commitment term", "critic's loss")}
    for name in ("absolute error", "perceptual distance", "g"):
        answer[name] = {"encoder", "decoder"}
    answer["g"].add("critic")
    answer["codebook term"].add("codebook")
    answer["commitment term"].add("encoder")
    answer["critic's loss"].add("critic")
    return answer


# --- step ---
def step(model, critic, x, of_model, of_critic):
    for p in [*model.parameters(), *critic.parameters()]:
        p.grad = None
    loss, x_hat = autoencoder_loss(model, critic, x)
    loss.backward()
    of_model.step()
    for p in critic.parameters():
        p.grad = None
    adversarial.hinge_d(critic(x), critic(x_hat.detach())).backward()
    of_critic.step()


# --- rung ---
def rung(name, variance, distance, critic):
    options = {}
    if name in ("perceptual", "adversarial"):
        options["perceptual"] = distance
    if name == "adversarial":
        options["discriminator"] = critic
    if name == "squared":
        options |= {"pixels": "squared", "data_variance": variance}
    return objectives.VQGANObjective(**options)
