"""Measured over a whole data set, through torchmetrics."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from .autoencoders import VQAutoencoder
from .data import to_unit
from .errors import InputError
from .inference import device_of, evaluating


@dataclass(frozen=True)
class CodeUsage:
    """How a codebook of K entries is used over a whole data set.

    Attributes:
        counts: (K,) int64, how often each code was chosen.
        used: share of the codes chosen at least once, 0 to 1.
        perplexity: exp of the entropy of the codes' frequencies, 1 to K: the number of equally
            frequent codes that would carry as much information.
        entropy: the same in bits a token, 0 to log2 K.
    """

    counts: Tensor
    used: float
    perplexity: float
    entropy: float


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
    """

    images: int
    psnr: float
    ssim: float
    usage: CodeUsage
    bits_per_image: float
    bits_per_pixel: float

    def __str__(self) -> str:
        u = self.usage
        return (
            f"{self.images} images: PSNR {self.psnr:.2f} dB, SSIM {self.ssim:.3f}, "
            f"codes used {u.used:.0%} (perplexity {u.perplexity:.0f} of {len(u.counts)}), "
            f"{self.bits_per_image:.0f} bits an image ({self.bits_per_pixel:.3f} a pixel)"
        )


def code_usage(indices: Tensor, num_codes: int) -> CodeUsage:
    """Usage and perplexity of indices of any shape, in [0, K). ``chapters/05_vqvae``.

    Raises:
        InputError: no indices, or one outside [0, K).
    """
    if indices.numel() == 0 or indices.min() < 0 or indices.max() >= num_codes:
        raise InputError(f"code_usage needs at least one index, all in [0, {num_codes})")
    counts = indices.flatten().bincount(minlength=num_codes).cpu()
    p = counts.double() / counts.sum()
    nats = -torch.special.xlogy(p, p).sum().item()
    used = (counts > 0).double().mean().item()
    return CodeUsage(counts, used, perplexity=math.exp(nats), entropy=nats / math.log(2))


def tokenize(model: VQAutoencoder, data: Dataset, batch_size: int = 250) -> Tensor:
    """The indices of every image of a data set.

    Args:
        model: a trained autoencoder.
        data: yields (image (C, H, W) in [-1, 1], label).
        batch_size: images at a time; the result does not depend on it.

    Returns:
        (N, h, w) int64, on the CPU, in the order of the data set.

    Used from ``chapters/05_vqvae`` on.
    """
    return torch.cat([model.tokens(x).cpu() for x, _ in DataLoader(data, batch_size)])


def evaluate(model: VQAutoencoder, data: Dataset, batch_size: int = 250) -> Report:
    """Reconstruct a whole data set and measure.

    Args:
        model: a trained autoencoder.
        data: yields (image (C, H, W) in [-1, 1], label); H and W at least 11, SSIM's window.
        batch_size: images at a time; the result does not depend on it.

    Raises:
        InputError: smaller images.

    Used from ``chapters/05_vqvae`` on.
    """
    if min(data[0][0].shape[1:]) < 11:
        raise InputError(f"SSIM needs images of 11×11 or more; got {tuple(data[0][0].shape)}")
    device = device_of(model)
    psnr = PeakSignalNoiseRatio((-1.0, 1.0), reduction="elementwise_mean", dim=(1, 2, 3))
    ssim = StructuralSimilarityIndexMeasure(data_range=1.0)
    psnr, ssim, indices = psnr.to(device), ssim.to(device), []
    with evaluating(model):
        for x, _ in DataLoader(data, batch_size):
            x = x.to(device)
            x_hat, q = model(x)
            psnr.update(x_hat.clamp(-1, 1), x)
            ssim.update(to_unit(x_hat), to_unit(x))  # its luminance term wants values >= 0
            indices.append(q.indices.cpu())
    indices = torch.cat(indices)
    bits = model.bits(indices)
    return Report(
        len(indices),
        psnr.compute().item(),
        ssim.compute().item(),
        code_usage(indices, model.quantizer.num_codes),
        bits,
        bits / (x.shape[2] * x.shape[3]),
    )
