"""The other player: a network that learns to tell real images from generated ones, what it and
the generator minimise, what keeps it in check, and how much its opinion counts in a VQGAN."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import processes
from .errors import InputError
from .inference import evaluating, noise_for


class Generator(nn.Module):
    """Noise becomes an image: DCGAN's generator, for images of 28×28, 32×32 and their multiples.

    The smallest map is the size halved until it is odd or below 8: 7×7 for 28, 4×4 for 32. Each
    layer after it doubles the side and halves the channels.

    Args:
        out_channels: C, 1 for grey and 3 for colour.
        size: side of the square images in pixels, a multiple of 28 or 32.
        latent_dim: length of the noise z.
        width: channels before the last layer; each layer towards the noise has twice as many.

    Raises:
        InputError: another size, or a number below 1.

    Source: Radford et al. 2016, §3 and Figure 1: no pooling, BatchNorm except at the output,
    ReLU inside and tanh at the end; §4 for weights N(0, 0.02). Derived in
    ``chapters/01_background``.
    """

    def __init__(
        self, out_channels: int = 1, size: int = 28, latent_dim: int = 64, width: int = 64
    ):
        super().__init__()
        if min(out_channels, size, latent_dim, width) < 1 or (size % 28 and size % 32):
            raise InputError(
                "size must be a multiple of 28 or 32, and out_channels, latent_dim and width >= 1; "
                f"got size={size}, {out_channels}, {latent_dim}, {width}"
            )
        base, doublings = size, 0
        while base % 2 == 0 and base >= 8:
            base, doublings = base // 2, doublings + 1
        self.latent_dim = latent_dim
        inside = width * 2 ** (doublings - 1)
        layers = [
            nn.Linear(latent_dim, inside * base * base, bias=False),
            nn.Unflatten(1, (inside, base, base)),
            nn.BatchNorm2d(inside),
            nn.ReLU(),
        ]
        for _ in range(doublings - 1):
            up = nn.ConvTranspose2d(inside, inside // 2, 4, stride=2, padding=1, bias=False)
            layers += [up, nn.BatchNorm2d(inside // 2), nn.ReLU()]
            inside //= 2
        layers += [nn.ConvTranspose2d(inside, out_channels, 4, stride=2, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)
        self.config = {"builder": "Generator", "out_channels": out_channels, "size": size}
        self.config |= {"latent_dim": latent_dim, "width": width}

    def forward(self, z: Tensor) -> Tensor:
        """(B, latent_dim) noise from N(0, 1) -> (B, C, size, size) images in [-1, 1].

        Raises:
            InputError: another shape.
        """
        if z.ndim != 2 or z.shape[1] != self.latent_dim or len(z) == 0:
            raise InputError(f"z must be (B, {self.latent_dim}); got {tuple(z.shape)}")
        return self.layers(z)

    def noise(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, latent_dim): see :func:`~vqedu.inference.noise_for`."""
        return noise_for(self, n, generator)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images (n, C, size, size) in [-1, 1], drawn in eval mode and without gradients.

        Raises:
            InputError: n below 1.
        """
        if n < 1:
            raise InputError(f"n must be >= 1; got {n}")
        with evaluating(self):
            return self(self.noise(n, generator))


class PatchDiscriminator(nn.Module):
    """Real or not, one answer for each patch: every logit sees 70×70 pixels (3 ``layers``).

    Args:
        in_channels: C of the images.
        width: channels after the first layer; doubled by each that follows, at most eightfold.
        layers: convolutions that halve the resolution; two more follow. 3 in the paper; 1 or 2
            for images of 28×28, where a patch should be smaller than the image.

    Raises:
        InputError: a number below 1.

    Source: Isola et al. 2017, Appendix 6.1.2, as in Esser et al. 2021: 4×4 convolutions,
    LeakyReLU 0.2, BatchNorm except first and last, weights N(0, 0.02). 2.77 M parameters for
    colour. Derived in ``chapters/06_vqgan``.
    """

    def __init__(self, in_channels: int = 3, width: int = 64, layers: int = 3):
        super().__init__()
        if min(in_channels, width, layers) < 1:
            raise InputError(
                f"in_channels, width and layers must be >= 1; got {in_channels}, {width}, {layers}"
            )
        self.in_channels = in_channels
        self.smallest = 3 * 2**layers  # leaves 3×3, which the last two layers shrink by 1 each
        stack = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        inside = width
        for i in range(1, layers + 1):
            outside, stride = width * min(2**i, 8), 2 if i < layers else 1
            conv = nn.Conv2d(inside, outside, 4, stride, padding=1, bias=False)
            stack += [conv, nn.BatchNorm2d(outside), nn.LeakyReLU(0.2)]
            inside = outside
        self.layers = nn.Sequential(*stack, nn.Conv2d(inside, 1, 4, stride=1, padding=1))
        self.apply(dcgan_init)
        self.config = {"builder": "PatchDiscriminator", "in_channels": in_channels}
        self.config |= {"width": width, "layers": layers}

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] -> logits (B, 1, h, w), above 0 for real; 30×30 of them
        for 256×256.

        Raises:
            InputError: other channels, or images smaller than ``smallest``.
        """
        if x.ndim != 4 or x.shape[1] != self.in_channels or len(x) == 0:
            raise InputError(
                f"this discriminator takes images (B, {self.in_channels}, H, W); "
                f"got {tuple(x.shape)}"
            )
        if min(x.shape[2:]) < self.smallest:
            raise InputError(
                f"this discriminator needs images of at least {self.smallest}×{self.smallest}; "
                f"got {tuple(x.shape)}. Build it with fewer layers"
            )
        return self.layers(x)


def dcgan_init(module: nn.Module) -> None:
    """Weights N(0, 0.02), BatchNorm's N(1, 0.02) with biases 0; for ``model.apply``. The biases of
    the convolutions stay as torch draws them.

    Source: Radford et al. 2016, §4, for the weights; the rest is as in taming-transformers.
    """
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
        nn.init.normal_(module.weight, float(isinstance(module, nn.BatchNorm2d)), 0.02)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.bias)


# --- losses, on logits of any shape -> a scalar; derived in chapters/01_background ---------------


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """½ (mean max(0, 1 - real) + mean max(0, 1 + fake)). Source: Lim and Ye 2017, §3; the ½ is
    VQGAN's (Esser et al. 2021)."""
    return (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2


def hinge_g(fake: Tensor) -> Tensor:
    """- mean fake. Source: Lim and Ye 2017, §3."""
    return -fake.mean()


def non_saturating_d(real: Tensor, fake: Tensor) -> Tensor:
    """- mean log σ(real) - mean log (1 - σ(fake)). Source: Goodfellow et al. 2014, Eq. 1."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_g(fake: Tensor) -> Tensor:
    """- mean log σ(fake): unlike log (1 - σ(fake)), it still has a gradient where the
    discriminator is sure. Source: Goodfellow et al. 2014, §3."""
    return F.softplus(-fake).mean()


def least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """½ (mean (real - 1)² + mean fake²). Source: Mao et al. 2017, Eq. 2 with a, b = 0, 1."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def least_squares_g(fake: Tensor) -> Tensor:
    """½ mean (fake - 1)². Source: Mao et al. 2017, Eq. 2 with c = 1."""
    return (fake - 1).square().mean() / 2


LOSSES: dict[str, tuple[Callable, Callable]] = {  # of the discriminator, of the generator
    "hinge": (hinge_d, hinge_g),
    "non-saturating": (non_saturating_d, non_saturating_g),
    "least-squares": (least_squares_d, least_squares_g),
}


# --- what keeps the discriminator in check --------------------------------------------------------


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    r""":math:`\frac12\,\mathrm{E}\,\|\nabla_x D(x)\|^2` at real images, to be multiplied by γ.

    D of an image is the mean of its P logits; the penalty of patches that do not overlap falls as
    1/P, and γ has to be chosen for the size of the images.
    The gradient of one image alone is meant, which BatchNorm in training mode blurs: there
    an image's logits depend on the others of the batch.

    Args:
        discriminator: images -> logits (B, ...).
        real: (B, C, H, W) in [-1, 1].

    Returns:
        A scalar, differentiable for the discriminator's parameters.

    Source: Mescheder et al. 2018, Eq. 9. Used in ``chapters/01_background``.
    """
    x = real.detach().requires_grad_()
    # Not in half precision, where the small gradients of a mean would vanish.
    with torch.enable_grad(), torch.autocast(real.device.type, enabled=False):
        score = discriminator(x).flatten(1).mean(1).sum()  # (B, 1, h, w) -> (B,) -> scalar
        (gradient,) = torch.autograd.grad(score, x, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean() / 2  # Eq. 9


class LeCam(nn.Module):
    r"""Holds the answers on real images near the average answer on generated ones, and the other
    way round; helps where data are few.

    .. math:: R = \mathrm{E}\,\max(0,\, D(x) - \alpha_F)^2
                + \mathrm{E}\,\max(0,\, \alpha_R - D(G(z)))^2

    α_R and α_F are the averages on real and on generated images, over steps and, in a training of
    several processes, over these; debiased, so that the first step already gives its own means.

    Args:
        decay: of the averages; 0.99 in the paper.

    Raises:
        InputError: a decay outside [0, 1).

    Source: Tseng et al. 2021, R_LC; the max(0, ·) is that of the authors' code, the paper squares
    the differences themselves.
    Used in ``chapters/06_vqgan``.
    """

    def __init__(self, decay: float = 0.99):
        super().__init__()
        if not 0 <= decay < 1:
            raise InputError(f"decay must lie in [0, 1); got {decay}")
        self.decay = decay
        self.register_buffer("sums", torch.zeros(2))  # of real and of generated, not debiased
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """Logits of any shape -> R, a scalar. In training mode the averages move first."""
        real, fake = real.float(), fake.float()
        if self.training:
            means = torch.stack([real.detach().mean(), fake.detach().mean()])
            means = processes.summed(means) / processes.count()
            self.sums.lerp_(means, 1 - self.decay)
            self.steps += 1
        ema_real, ema_fake = self.averages()
        return F.relu(real - ema_fake).square().mean() + F.relu(ema_real - fake).square().mean()

    def averages(self) -> Tensor:
        """(2,): α_R and α_F; zeros before the first step."""
        return self.sums / (1 - self.decay ** self.steps.clamp(min=1).float())


# --- how much the adversarial term counts --------------------------------------------------------


def adaptive_weight(
    grad_reconstruction: Tensor,
    grad_adversarial: Tensor,
    x_hat: Tensor,
    last_layer: Tensor,
    *,
    eps: float = 1e-4,
    maximum: float = 1e4,
) -> Tensor:
    r"""VQGAN's λ: both losses pull equally hard at the decoder's last layer W.

    .. math:: \lambda = \frac{\|\partial L_{rec} / \partial W\|}
                             {\|\partial L_{GAN} / \partial W\| + \varepsilon}

    The two losses reach W only through x̂, so ∂L/∂W follows from ∂L/∂x̂ by the chain rule: the
    caller takes ∂L/∂x̂ once, for λ and for the decoder, and neither the perceptual network nor
    the discriminator is gone through twice.

    Args:
        grad_reconstruction: ∂L_rec/∂x̂, of x_hat's shape.
        grad_adversarial: ∂L_GAN/∂x̂, of x_hat's shape.
        x_hat: (B, C, H, W), the reconstruction, with its graph; the graph stays.
        last_layer: W, weight of the convolution that gave x_hat.
        eps: ε, against division by zero.
        maximum: λ is held in [0, maximum].

    Returns:
        λ, a scalar without gradient.

    Raises:
        InputError: gradients of another shape, or an x_hat that does not depend on W.

    Source: Esser et al. 2021, Eq. 7, where ε is 1e-6; 1e-4 and the maximum are those of the
    authors' code. Derived in ``chapters/04_math``.
    """
    norms = []
    for gradient in (grad_reconstruction, grad_adversarial):
        if gradient.shape != x_hat.shape:
            raise InputError(
                f"both gradients must have x_hat's shape {tuple(x_hat.shape)}; "
                f"got {tuple(gradient.shape)}"
            )
        try:
            (at_layer,) = torch.autograd.grad(x_hat, last_layer, gradient, retain_graph=True)
        except RuntimeError as error:
            raise InputError(
                f"x_hat must come out of last_layer, with its graph still there: {error}"
            ) from error
        norms.append(_norm(at_layer.float()))
    reconstruction, adversarial = norms
    return (reconstruction / (adversarial + eps)).clamp(0, maximum)  # Eq. 7


def _norm(x: Tensor) -> Tensor:
    """Euclidean norm whose squares cannot overflow in float32."""
    largest = x.abs().max().clamp(min=torch.finfo(x.dtype).tiny)
    return largest * (x / largest).norm()
