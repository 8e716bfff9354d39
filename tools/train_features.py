"""Train the small networks that ship with the package: two for losses, one for measuring.

    python tools/train_features.py --name features-fashion

features-fashion and evaluator-fashion learn the classes of Fashion-MNIST's shipped training
images. Photographs have no classes: features-photos learns, of a patch, which photograph it is
from and how much it was blurred. (Telling quarter turns, Gidaris et al. 2018, was tried first: what
three photographs teach about them does not hold on others.)
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vqedu import checkpoints
from vqedu.data import ImageSet, load
from vqedu.inference import evaluating
from vqedu.objectives import Loss
from vqedu.perceptual import FeatureNet
from vqedu.training import fit, surroundings

KERNELS = (1, 3, 5)  # sides of the windows: sharp, soft, softer


class Classes:
    """Cross-entropy of the classes; half of the images mirrored, the batch shifted by up to 2
    pixels each way."""

    def targets(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(3), x), labels

    def __call__(self, model: FeatureNet, batch) -> Loss:
        x, targets = self.targets(*batch)
        size = x.shape[-1]
        top, left = torch.randint(5, (2,)).tolist()
        x = F.pad(x, (2, 2, 2, 2), mode="replicate")[..., top : top + size, left : left + size]
        logits = model.classify(x)
        loss = F.cross_entropy(logits.float(), targets)
        right = (logits.detach().argmax(1) == targets).float().mean()
        return Loss(loss, {"loss": loss.detach(), "accuracy": right})

    def accuracy(self, model: FeatureNet, data: ImageSet) -> float:
        """Share of the images whose class is found."""
        return _share(model.classify(x).argmax(1) == labels for x, labels in _batches(model, data))


class PhotoAndBlur(Classes):
    """Cross-entropy of (photograph, blur): class 3 · photograph + its place in KERNELS.

    Brightness and contrast are changed at random, or a photograph's colours would give it away;
    noise is added, or any grain would pass for sharpness. So the features learn to forgive them.
    """

    def targets(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        blur = torch.randint(len(KERNELS), (len(x),), device=x.device)
        contrast, brightness = torch.rand(2, len(x), 1, 1, 1, device=x.device)
        x = (0.5 + contrast) * x + 0.6 * (brightness - 0.5)
        noise = 0.1 * torch.rand(len(x), 1, 1, 1, device=x.device) * torch.randn_like(x)
        return blurred(x, blur) + noise, len(KERNELS) * labels + blur

    def accuracy(self, model: FeatureNet, data: ImageSet) -> float:
        """Share of the blurs that are found, each patch with every one; the photographs may be
        ones that the network has never seen."""

        def found(x, blur):
            p = model.classify(blurred(x, blur)).softmax(1).view(len(x), -1, len(KERNELS))
            return p.sum(1).argmax(1) == blur

        return _share(
            found(x, torch.full_like(labels, blur))
            for x, labels in _batches(model, data)
            for blur in range(len(KERNELS))
        )


def blurred(x: Tensor, blur: Tensor) -> Tensor:
    """Each image of (B, C, H, W) averaged over the window KERNELS[blur] (B,), edge continued."""
    padded = [F.pad(x, (k // 2,) * 4, mode="replicate") for k in KERNELS]
    every = [F.avg_pool2d(y, k, stride=1) for y, k in zip(padded, KERNELS, strict=True)]
    return torch.stack(every, 1)[torch.arange(len(x), device=x.device), blur]


def _batches(model, data):
    with evaluating(model):
        yield from torch.utils.data.DataLoader(data, 500)


def _share(parts) -> float:
    return torch.cat(list(parts)).float().mean().item()


WIDTHS = (16, 32, 64, 128)
RECIPES = {  # network, objective, data, purpose, steps
    "features-fashion": ({"widths": WIDTHS}, Classes(), "fashion", "loss", 4000),
    "features-photos": (
        {"in_channels": 3, "num_classes": 3 * len(KERNELS), "widths": WIDTHS},
        PhotoAndBlur(),
        "photos",
        "loss",
        1500,
    ),
    "evaluator-fashion": (
        {"widths": (16, 32, 64, 96), "depth": 2},
        Classes(),
        "fashion",
        "evaluation",
        3000,
    ),
}
SEEDS = {"features-fashion": 0, "features-photos": 1, "evaluator-fashion": 2}


def train(name: str, steps: int, seed: int, out: Path) -> float:
    """Train one of RECIPES, save it below ``out``, and return its accuracy on the test split."""
    options, objective, data, purpose, _ = RECIPES[name]
    torch.manual_seed(seed)
    model = FeatureNet(**options)
    fit(model, objective, load(data), steps=steps, batch_size=64, lr=2e-3, seed=seed)
    accuracy = objective.accuracy(model, load(data, "test"))
    notes = {"accuracy": round(accuracy, 4), "steps": steps, "seed": seed, "data": data}
    notes |= {
        "command": f"python tools/train_features.py --name {name} --steps {steps} --seed {seed}"
    }
    notes |= {"made_with": surroundings()}
    checkpoints.save(model, out / f"{name}.safetensors", purpose=purpose, **notes)
    return accuracy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", choices=RECIPES, required=True)
    parser.add_argument("--steps", type=int, help="updates; without: the recipe's")
    parser.add_argument("--seed", type=int, help="without: the recipe's")
    parser.add_argument("--out", type=Path, default=checkpoints.SHIPPED, help="the folder")
    options = parser.parse_args()
    steps = options.steps or RECIPES[options.name][-1]
    seed = SEEDS[options.name] if options.seed is None else options.seed
    options.out.mkdir(parents=True, exist_ok=True)
    accuracy = train(options.name, steps, seed, options.out)
    print(f"{options.name}: accuracy {accuracy:.1%} on the test split")


if __name__ == "__main__":
    main()
