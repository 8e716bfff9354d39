"""A training step of a VQGAN with λ, at equal networks: the package beside two other ways.

The usual way: two further backward passes, through perceptual network and discriminator, for the
norms at the last layer; and for the discriminator's turn one more pass of it over the
reconstructions. The authors' training loop, beyond that, runs the autoencoder and the perceptual
network once more for the discriminator's turn.
"""

import copy
from functools import partial

import torch
from timing import Row, in_turns, median, ratio

from vqedu.adversarial import PatchDiscriminator
from vqedu.autoencoders import vqgan, vqvae
from vqedu.objectives import VQGANObjective
from vqedu.perceptual import FeatureDistance, VGGFeatures

SMALL = {"width": 32, "multipliers": (1, 2, 2, 4), "z_channels": 64}
AUTOENCODERS = {
    "VQ-VAE's network": partial(vqvae, 3, num_codes=1024, code_dim=64, width=64),
    "VQGAN's network": partial(vqgan, 3, num_codes=1024, code_dim=64, **SMALL),
}
SHAPE = (8, 3, 64, 64)


def networks(build):
    torch.manual_seed(0)
    # The weights do not matter for the time: these are random, so that nothing is downloaded.
    perceptual = FeatureDistance(VGGFeatures(), in_channels=3, name="vgg16, random weights")
    return build().train(), perceptual, PatchDiscriminator(3).train()


def ours(model, perceptual, discriminator, x):
    objective = VQGANObjective(perceptual, discriminator)
    mine, other = list(model.parameters()), list(discriminator.parameters())

    def step():
        for p in (*mine, *other):
            p.grad = None
        loss = objective(model, x)
        loss.total.backward(inputs=mine)
        loss.critic.backward(inputs=other)
        return loss.terms["lambda"].item()

    return step


def usual(model, perceptual, discriminator, x, *, twice: bool = False):
    def forward():
        x_hat, q = model(x)
        return x_hat, q, (x - x_hat).abs().mean() + perceptual(x_hat, x).mean()

    def step():
        for p in (*model.parameters(), *discriminator.parameters()):
            p.grad = None
        x_hat, q, nll = forward()
        g = -discriminator(x_hat).mean()
        last = model.last_layer
        (of_nll,) = torch.autograd.grad(nll, last, retain_graph=True)
        (of_g,) = torch.autograd.grad(g, last, retain_graph=True)
        weight = (of_nll.norm() / (of_g.norm() + 1e-4)).clamp(0, 1e4).detach()
        (nll + 0.8 * weight * g + q.loss).backward()
        discriminator.zero_grad()
        if twice:
            x_hat, _, _ = forward()
        real, fake = discriminator(x), discriminator(x_hat.detach())
        (0.5 * ((1 - real).relu().mean() + (1 + fake).relu().mean())).backward()
        return weight.item()

    return step


def run(repeats: int = 5) -> list[Row]:
    rows = []
    for name, build in AUTOENCODERS.items():
        torch.manual_seed(1)
        x = torch.rand(SHAPE) * 2 - 1
        parts = networks(build)
        parts[0](x)  # k-means, once
        parts[0].quantizer.revive_after = 0
        ways = {
            "vqedu": ours(*copy.deepcopy(parts), x),
            "λ in the usual way": usual(*copy.deepcopy(parts), x),
            "the authors' loop": usual(*copy.deepcopy(parts), x, twice=True),
        }
        weights = {way: step() for way, step in ways.items()}
        seconds = in_turns(ways, repeats, warm=1)
        mine = weights.pop("vqedu")
        for way, weight in weights.items():
            rows.append(
                Row(
                    f"{name}: {way}",
                    median(seconds[way]),
                    ratio(seconds[way], seconds["vqedu"]),
                    f"vqedu, {median(seconds['vqedu']):.2f} s",
                    ">= 1.4",
                    f"λ differs by {abs(mine - weight) / weight:.0e} of its value",
                )
            )
    return rows
