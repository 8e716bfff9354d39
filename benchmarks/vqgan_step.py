"""A training step of a VQGAN with λ, at equal networks: the package beside the usual way.

The usual way, as in the authors' code: two further backward passes, through perceptual network
and discriminator, for the norms at the last layer; and for the discriminator's turn one more pass
of it over the reconstructions.
"""

import copy

import torch
from timing import Row, in_turns, median, ratio

from vqedu.adversarial import PatchDiscriminator
from vqedu.autoencoders import vqgan
from vqedu.objectives import VQGANObjective
from vqedu.perceptual import FeatureDistance, VGGFeatures

SIZES = {  # name: autoencoder's width, image size, batch
    "64×64, width 32": (32, 64, 8),
    "128×128, width 32": (32, 128, 2),
}


def networks(width: int):
    torch.manual_seed(0)
    model = vqgan(
        3, num_codes=1024, code_dim=64, width=width, multipliers=(1, 2, 2, 4), z_channels=64
    )
    # The weights do not matter for the time: these are random, so that nothing is downloaded.
    perceptual = FeatureDistance(VGGFeatures(), in_channels=3, name="vgg16, random weights")
    return model.train(), perceptual, PatchDiscriminator(3).train()


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


def usual(model, perceptual, discriminator, x):
    def step():
        for p in (*model.parameters(), *discriminator.parameters()):
            p.grad = None
        x_hat, q = model(x)
        nll = (x - x_hat).abs().mean() + perceptual(x_hat, x).mean()
        g = -discriminator(x_hat).mean()
        last = model.last_layer
        (of_nll,) = torch.autograd.grad(nll, last, retain_graph=True)
        (of_g,) = torch.autograd.grad(g, last, retain_graph=True)
        weight = (of_nll.norm() / (of_g.norm() + 1e-4)).clamp(0, 1e4).detach()
        (nll + 0.8 * weight * g + q.loss).backward()
        discriminator.zero_grad()
        real, fake = discriminator(x), discriminator(x_hat.detach())
        (0.5 * ((1 - real).relu().mean() + (1 + fake).relu().mean())).backward()
        return weight.item()

    return step


def run(repeats: int = 5) -> list[Row]:
    rows = []
    for name, (width, size, batch) in SIZES.items():
        torch.manual_seed(1)
        x = torch.rand(batch, 3, size, size) * 2 - 1
        model, perceptual, discriminator = networks(width)
        model(x)  # k-means, once
        model.quantizer.revive_after = 0
        parts = [copy.deepcopy((model, perceptual, discriminator)) for _ in range(2)]
        mine, theirs = ours(*parts[0], x), usual(*parts[1], x)
        weights = mine(), theirs()
        difference = abs(weights[0] - weights[1]) / weights[1]
        seconds = in_turns({"usual": theirs, "vqedu": mine}, repeats, warm=1)
        rows += [
            Row(f"{name}, batch {batch}: λ in the usual way", median(seconds["usual"])),
            Row(
                f"{name}, batch {batch}: vqedu",
                median(seconds["vqedu"]),
                ratio(seconds["usual"], seconds["vqedu"]),
                "times as fast as the usual way",
                ">= 1.4",
                f"λ differs by {difference:.0e} of its value",
            ),
        ]
    return rows
