"""How well an autoencoder reconstructs a data set."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchmetrics import MeanMetric
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from ..autoencoders import VQAutoencoder
from ..data import to_unit
from ..errors import InputError
from ..inference import device_of, evaluating
from ..perceptual import FeatureDistance
from .batches import batches
from .evaluators import Evaluator, load_evaluator, refuse_losses
from .frechet import Distance, Frechet
from .spectrum import Sharpness
from .usage import CodeUsage, code_usage


@dataclass(frozen=True)
class Report:
    """How well an autoencoder reconstructs a data set of N images.

    Attributes:
        images: N.
        psnr: peak signal-to-noise ratio in dB, mean of the N images' values; peak to peak is 2.
        ssim: structural similarity, mean of the N images' values, at most 1 (Wang et al. 2004).
        usage: see :class:`CodeUsage`.
        bits_per_image: tokens times log2 K, the size without entropy coding.
        bits_per_pixel: the same for each of the H·W positions.
        sharpness: see :func:`sharpness`; 1 is that of the originals.
        perceptual: mean over the N images of a distance in a network's features, where asked.
        frechet: see :func:`frechet_distance`; of the reconstructions to the originals, where
            asked. "rFID" in papers that measure it in Inception's features.
    """

    images: int
    psnr: float
    ssim: float
    usage: CodeUsage
    bits_per_image: float
    bits_per_pixel: float
    sharpness: float
    perceptual: Distance | None = None
    frechet: Distance | None = None

    def __str__(self) -> str:
        u = self.usage
        further = "" if self.perceptual is None else f"perceptual distance {self.perceptual}, "
        further += "" if self.frechet is None else f"Fréchet distance {self.frechet}, "
        return (
            f"{self.images} images: PSNR {self.psnr:.2f} dB, SSIM {self.ssim:.3f}, "
            f"sharpness {self.sharpness:.2f}, {further}"
            f"codes used {u.used:.0%} (perplexity {u.perplexity:.0f} of {len(u.counts)}), "
            f"{self.bits_per_image:.0f} bits an image ({self.bits_per_pixel:.3f} a pixel)"
        )


def tokenize(model: VQAutoencoder, data: Dataset | Tensor, batch_size: int = 250) -> Tensor:
    """The indices of every image of a data set.

    Args:
        model: a trained autoencoder.
        data: yields images (C, H, W) in [-1, 1], or pairs (image, label).
        batch_size: images at a time; the result does not depend on it.

    Returns:
        (N, h, w) int64, or (N, h, w, Q) for Q residual levels; on the CPU, in the data's order.

    Raises:
        InputError: no images, or items of another kind.

    Used from ``chapters/05_vqvae`` on.
    """
    return torch.cat([model.tokens(x).cpu() for x in batches(data, batch_size)])


def evaluate(
    model: VQAutoencoder,
    data: Dataset | Tensor,
    batch_size: int = 250,
    *,
    perceptual: FeatureDistance | None = None,
    evaluator: str | Evaluator | None = None,
) -> Report:
    """Reconstruct a whole data set and measure.

    Args:
        model: a trained autoencoder.
        data: yields images (C, H, W) in [-1, 1], or pairs (image, label); H and W at least 11,
            SSIM's window.
        batch_size: images at a time; the result does not depend on it.
        perceptual: a distance in a network's features, to report its mean; computed where it is.
        evaluator: a name or network, see :func:`load_evaluator`, to report the Fréchet distance;
            one loaded by name computes on the model's device.

    Raises:
        InputError: smaller images, none, or items of another kind; or a network that served as a
            loss: what was minimised does not measure. What the model was trained on is read from
            ``model.notes``: the network's name, and the fingerprint of its weights.

    Used from ``chapters/03_algorithms`` on.
    """
    device, indices = device_of(model), []
    meters = {"psnr": PeakSignalNoiseRatio((-1.0, 1.0), dim=(1, 2, 3)).to(device)}
    meters |= {"ssim": _SSIM(data_range=1.0).to(device), "sharpness": Sharpness()}
    if perceptual is not None:
        meters["perceptual"] = _MeanDistance(perceptual)
        refuse_losses(perceptual, perceptual.name, model)
    if evaluator is not None:
        judge = load_evaluator(evaluator)
        refuse_losses(judge, judge.name, model)
        meters["frechet"] = Frechet(judge if judge is evaluator else judge.to(device))
    with evaluating(model):
        for x in batches(data, batch_size):
            if min(x.shape[2:]) < 11:
                raise InputError(f"SSIM needs images of 11×11 or more; got {tuple(x.shape[1:])}")
            x = x.to(device)
            x_hat, q = model(x)
            indices.append(q.indices.cpu())
            for meter in meters.values():
                meter.update(x_hat.clamp(-1, 1), x)
    indices = torch.cat(indices)
    values = {name: meter.compute() for name, meter in meters.items()}
    values |= {name: values[name].item() for name in ("psnr", "ssim")}
    values["usage"] = code_usage(indices, model.quantizer.num_codes)
    bits = model.bits(indices)
    per_pixel = bits / (x.shape[2] * x.shape[3])
    return Report(len(indices), bits_per_image=bits, bits_per_pixel=per_pixel, **values)


class _SSIM(StructuralSimilarityIndexMeasure):
    """Of images in [-1, 1]; the luminance term wants values >= 0."""

    def update(self, x_hat: Tensor, x: Tensor) -> None:
        super().update(to_unit(x_hat), to_unit(x))


class _MeanDistance:
    def __init__(self, distance: FeatureDistance):
        if not isinstance(distance, FeatureDistance):
            raise InputError(
                "perceptual must be a vqedu.perceptual.FeatureDistance; "
                f"got a {type(distance).__name__}"
            )
        self.distance, self.mean = distance, MeanMetric("disable")  # the mean of NaN is NaN

    def update(self, x_hat: Tensor, x: Tensor) -> None:
        device = device_of(self.distance)
        self.mean.update(self.distance(x_hat.to(device), x.to(device)).cpu())

    def compute(self) -> Distance:
        return Distance(self.mean.compute().item(), self.distance.name)
