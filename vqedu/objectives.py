"""What is minimised. The autoencoder is the same for VQ-VAE and VQGAN; the difference that the
course is about lies between two classes in this file."""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import InputError


@dataclass(frozen=True)
class Loss:
    """``total`` is what is minimised; ``terms`` are the named numbers worth watching."""

    total: Tensor
    terms: dict[str, Tensor | float] = field(default_factory=dict)


def mean_psnr(x: Tensor, x_hat: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, the mean over a batch (B, C, H, W) in [-1, 1]."""
    error = (x - x_hat).square().flatten(1).mean(1)
    return (10 * torch.log10(4 / error)).mean()  # from peak to peak is 2


class VQVAEObjective:
    r"""Squared error, codebook and commitment loss.

    .. math:: L = \|x - \hat x\|^2 / \sigma^2 + \|\mathrm{sg}[z_e] - e\|^2
                  + \beta\,\|z_e - \mathrm{sg}[e]\|^2

    The first term is :math:`-\log p(x \mid z_q)` of a Gaussian, up to scale and a constant; with
    the data's variance :math:`\sigma^2`, 1 is what the best constant image reaches.

    Args:
        data_variance: σ², variance of the pixel values (``ImageSet.variance``); above 0.

    Source: van den Oord et al. 2017, Eq. 3. Derived in ``chapters/05_vqvae``.
    """

    def __init__(self, data_variance: float):
        if not data_variance > 0:
            raise InputError(f"data_variance must be above 0; got {data_variance}")
        self.data_variance = data_variance

    def __call__(self, model: nn.Module, batch) -> Loss:
        """``batch``: images (B, C, H, W) in [-1, 1], or (images, labels); labels are not used."""
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        x_hat, q = model(x)
        squared_error = F.mse_loss(x_hat.float(), x)
        total = squared_error / self.data_variance + q.loss  # Eq. 3
        return Loss(
            total,
            {
                "loss": total.detach(),
                "reconstruction": squared_error.detach() / self.data_variance,
                "codebook": q.codebook_loss.detach(),
                "commitment": q.commitment_loss.detach(),
                "psnr": mean_psnr(x, x_hat.detach().float()),
                "codes_used": model.quantizer.recently_used,
            },
        )


class PriorObjective:
    """Cross-entropy of the next token: the negative log-likelihood of the grid of indices.

    ``terms["bits_per_token"]`` can be read against log2 K, the cost without a prior.
    Source: van den Oord et al. 2017, §3.3. Derived in ``chapters/05_vqvae``.
    """

    def __call__(self, model: nn.Module, batch) -> Loss:
        """``batch``: (indices (B, h, w) int64, labels (B,) int64)."""
        indices, labels = batch
        nats = F.cross_entropy(model(indices, labels).float(), indices)
        return Loss(nats, {"loss": nats.detach(), "bits_per_token": nats.detach() / math.log(2)})
