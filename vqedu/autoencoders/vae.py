"""Encoder + a normal distribution over vectors + decoder."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backbones import VQVAEDecoder, VQVAEEncoder
from ..errors import InputError
from ..inference import device_of, evaluating, noise_for


@dataclass(frozen=True)
class GaussianPosterior:
    """q(z|x): a normal distribution with a diagonal covariance for each of B images.

    Attributes:
        mean: (B, L).
        log_variance: (B, L), the natural logarithm of σ².

    Source: Kingma & Welling 2014, Eq. 9. Derived in ``chapters/04_math``.
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """(B, L), one draw for each image, through which gradients reach mean and variance."""
        noise = torch.randn_like(self.mean)
        return self.mean + (self.log_variance / 2).exp() * noise  # Eq. 10: z = μ + σ ε

    def kl(self) -> Tensor:
        """(B,) KL(q(z|x) ‖ N(0, I)) in nats."""
        variance = self.log_variance.exp()
        # App. B, Kingma & Welling 2014, as a sum of terms that are never negative
        return (self.mean.square() + variance - 1 - self.log_variance).sum(1) / 2


class VAE(nn.Module):
    """The variational autoencoder: one continuous vector per image, and a prior N(0, I) on it.

    Args:
        encoder: (B, C, H, W) in [-1, 1] -> (B, 2L), means and log-variances.
        decoder: (B, L) -> (B, C, H, W), the ``output``: for ``"gaussian"`` the mean of each pixel
            in [-1, 1], for ``"bernoulli"`` the logit of each pixel mapped to [0, 1].
        image_shape: (C, H, W) of the images.
        latent_dim: L.
        likelihood: ``"gaussian"`` or ``"bernoulli"``.
        variance: σ² of a pixel's Gaussian around ``output``, above 0. The smaller, the more a
            reconstruction weighs against the KL. The likelihood is highest where it equals the
            mean squared error (Rybkin et al. 2021), and 0.05 is about what the network of
            :func:`vae` reaches on Fashion-MNIST. The Bernoulli has none.

    Raises:
        InputError: another likelihood, or a variance not above 0.

    Source: Kingma & Welling 2014; with a weight β on the KL (in the objective) it is the β-VAE of
    Higgins et al. 2017. Derived in ``chapters/04_math``, trained in ``chapters/01_background``.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        *,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        likelihood: str = "gaussian",
        variance: float = 0.05,
    ):
        super().__init__()
        if likelihood not in ("gaussian", "bernoulli"):
            raise InputError(f"likelihood must be 'gaussian' or 'bernoulli'; got {likelihood!r}")
        if not 0 < variance < math.inf:
            raise InputError(f"variance must be above 0 and finite; got {variance}")
        self.encoder, self.decoder = encoder, decoder
        self.image_shape, self.latent_dim = tuple(image_shape), latent_dim
        self.likelihood, self.variance = likelihood, variance

    def forward(self, x: Tensor) -> tuple[Tensor, GaussianPosterior]:
        """(B, C, H, W) -> the decoder's output for one draw of z, and q(z|x)."""
        posterior = self.encode(x)
        return self.decoder(posterior.sample()), posterior

    def encode(self, x: Tensor) -> GaussianPosterior:
        """(B, C, H, W) images in [-1, 1] -> q(z|x), in float32 under mixed precision, too.

        Raises:
            InputError: images of another shape.
        """
        if x.ndim != 4 or x.shape[1:] != self.image_shape or not len(x):
            c, h, w = self.image_shape
            raise InputError(f"this VAE needs images (B, {c}, {h}, {w}); got {tuple(x.shape)}")
        return GaussianPosterior(*self.encoder(x).float().chunk(2, dim=1))  # (B, 2L) -> 2 × (B, L)

    def nll(self, x: Tensor, output: Tensor) -> Tensor:
        """-log p(x|z) in nats, (B,): the sum over all C·H·W values of an image.

        Gaussian: with its constant, so that numbers for two variances can be compared. Bernoulli:
        the cross-entropy. For grey values, not only black and white, that is not the logarithm of
        a normalised density (Loaiza-Ganem & Cunningham 2019, the continuous Bernoulli): good for
        training, but no likelihood to be compared with others'.

        Args:
            x: (B, C, H, W) in [-1, 1].
            output: (B, C, H, W), what ``forward`` gave for them.
        """
        x, output = x.float(), output.float()
        if self.likelihood == "bernoulli":
            target = (x + 1) / 2
            nats = F.binary_cross_entropy_with_logits(output, target, reduction="none")
        else:
            nats = (
                (x - output).square() / self.variance + math.log(2 * math.pi * self.variance)
            ) / 2
        return nats.flatten(1).sum(1)  # (B, C, H, W) -> (B,)

    # As for VQAutoencoder: inputs move to the model's device, and nothing is learned.

    def reconstruct(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> the same through the mean of q(z|x), clamped to [-1, 1].

        Raises:
            InputError: images of another shape.
        """
        with evaluating(self):
            return self._images(self.encode(x.to(device_of(self))).mean)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, C, H, W) new images in [-1, 1] from z ~ N(0, I): the means of p(x|z).

        Args:
            n: how many, at least 1.
            generator: of random numbers, on any device: they are drawn there and moved. None
                takes torch's own on the CPU, the same for every device of the model.

        Raises:
            InputError: n below 1.
        """
        if n < 1:
            raise InputError(f"n must be at least 1; got {n}")
        with evaluating(self):
            return self._images(noise_for(self, n, generator))

    def _images(self, z: Tensor) -> Tensor:
        output = self.decoder(z)
        if self.likelihood == "bernoulli":
            output = 2 * output.sigmoid() - 1
        return output.clamp(-1, 1)


def vae(
    in_channels: int = 1,
    *,
    size: int = 28,
    latent_dim: int = 32,
    width: int = 64,
    likelihood: str = "gaussian",
    variance: float = 0.05,
) -> VAE:
    """A VAE on the convolutions of the VQ-VAE paper, with a linear layer on either side of z.

    Args:
        in_channels: C of the images.
        size: H and W of the images, a multiple of 4.
        latent_dim: L, the length of z.
        width: channels inside the networks, a multiple of 4.
        likelihood: ``"gaussian"`` or ``"bernoulli"``; see :class:`VAE`.
        variance: σ² of the Gaussian, above 0.

    Raises:
        InputError: a size that does not fit; and as :class:`VAE`.

    Source: Kingma & Welling 2014; ``VAE`` is trained in ``chapters/01_background``.
    """
    stride = 4
    if size < stride or size % stride or latent_dim < 1 or width < 4 or width % 4:
        raise InputError(
            f"size must be a multiple of {stride}, width a multiple of 4, latent_dim at least 1; "
            f"got size={size}, width={width}, latent_dim={latent_dim}"
        )
    grid = (width // 4, size // stride, size // stride)  # (D, h, w) beside the linear layers
    model = VAE(
        nn.Sequential(
            VQVAEEncoder(in_channels, grid[0], width),
            nn.Flatten(),  # (B, D, h, w) -> (B, D*h*w)
            nn.Linear(math.prod(grid), 2 * latent_dim),
        ),
        nn.Sequential(
            nn.Linear(latent_dim, math.prod(grid)),
            nn.Unflatten(1, grid),  # (B, D*h*w) -> (B, D, h, w)
            VQVAEDecoder(in_channels, grid[0], width),
        ),
        image_shape=(in_channels, size, size),
        latent_dim=latent_dim,
        likelihood=likelihood,
        variance=variance,
    )
    model.config = {"builder": "vae", "in_channels": in_channels, "size": size}
    model.config |= {"latent_dim": latent_dim, "width": width}
    model.config |= {"likelihood": likelihood, "variance": variance}
    return model
