"""What is minimised. The autoencoder is the same for VQ-VAE and VQGAN; the difference that the
course is about lies between two classes in this file, :class:`VQVAEObjective` and
:class:`VQGANObjective`."""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .adversarial import adaptive_weight
from .duel import Duel, WithGradient, gradient, leaf
from .errors import InputError


@dataclass(frozen=True)
class Loss:
    """What an objective returns.

    Attributes:
        total: scalar; what the model is to make small.
        terms: the named numbers worth watching; NaN where a term was not worked out.
        critic: scalar; what the objective's discriminator is to make small, if it has one.
    """

    total: Tensor
    terms: dict[str, Tensor | float] = field(default_factory=dict)
    critic: Tensor | None = None


def images_of(batch) -> Tensor:
    """The images of a batch that may carry labels."""
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def mean_psnr(x: Tensor, x_hat: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, the mean over a batch (B, C, H, W) in [-1, 1]."""
    error = (x - x_hat).square().flatten(1).mean(1)
    return (10 * torch.log10(4 / error)).mean()  # from peak to peak is 2


class Objective(nn.Module):
    """Called with (model, batch), returns a :class:`Loss`.

    Attributes:
        discriminator: a network that learns against the model, or None.
        step: number of the present weight update, from 1; ``training.fit`` sets it.
    """

    def __init__(self):
        super().__init__()
        self.discriminator, self.step = None, 1

    def forward(self, model: nn.Module, batch) -> Loss:
        """``batch``: images (B, C, H, W) in [-1, 1], or (images, labels); labels are not used."""
        raise NotImplementedError


class ELBOObjective(Objective):
    r"""The negative evidence lower bound of a VAE, in nats per image.

    .. math:: L = -\log p(x \mid z) + \beta\,\mathrm{KL}(q(z \mid x) \,\|\, p(z))

    Args:
        beta: β; 1 gives the bound itself (Higgins et al. 2017 for others); at least 0.

    Source: Kingma and Welling 2014, Eq. 3 and 7. Derived in ``chapters/04_math``.
    """

    def __init__(self, beta: float = 1.0):
        super().__init__()
        if not beta >= 0:
            raise InputError(f"beta must be at least 0; got {beta}")
        self.beta = beta

    def forward(self, model: nn.Module, batch) -> Loss:
        x = images_of(batch)
        output, posterior = model(x)
        nll, kl = model.nll(x, output.float()).mean(), posterior.kl().mean()
        total = nll + self.beta * kl
        return Loss(total, detached(loss=total, nll=nll, kl=kl, elbo=-nll - kl))


class VQVAEObjective(Objective):
    r"""VQ-VAE: squared error, and what the quantiser adds.

    .. math:: L = \|x - \hat x\|^2 / \sigma^2 + L_q, \qquad
              L_q = \|\mathrm{sg}[z_e] - e\|^2 + \beta\,\|z_e - \mathrm{sg}[e]\|^2

    Each square here is the mean over its numbers, as in the authors' code. The first term is
    :math:`-\log p(x \mid z_q)` of a Gaussian, up to scale and a constant; with the variance of the
    data's pixels, 1 is what an image of one grey value reaches. :math:`L_q`, with β, belongs to the
    quantiser: above it is that of ``"vq"``; in ``"ema"`` moving averages replace its first term.

    Args:
        data_variance: σ², variance of the pixel values (``ImageSet.variance``); above 0.

    Source: van den Oord et al. 2017, Eq. 3. Derived in ``chapters/05_vqvae``.
    """

    def __init__(self, data_variance: float):
        super().__init__()
        self.distance = pixel_distance("squared", data_variance)

    def forward(self, model: nn.Module, batch) -> Loss:
        x = images_of(batch)
        x_hat, q = model(x)
        nll = self.distance(x_hat, x)
        total = nll + q.loss  # Eq. 3, with the quantiser's own L_q
        terms = detached(loss=total, reconstruction=nll)
        return Loss(total, terms | watched(model, x, x_hat, q))


class VQGANObjective(Objective):
    r"""VQGAN: a perceptual distance beside the pixels', and a discriminator to convince.

    .. math::
        L &= \underbrace{|x - \hat x| + p\,d(x, \hat x)}_{\mathrm{nll}} + L_q
             + w\,\mathrm{sg}[\lambda]\, g, \qquad g = -D(\hat x) \\
        L_D &= \tfrac12 \big(\max(0, 1 - D(x)) + \max(0, 1 + D(\mathrm{sg}[\hat x]))\big) \\
        \lambda &= \frac{\|\partial\,\mathrm{nll} / \partial W\|}
                        {\|\partial g / \partial W\| + 10^{-4}} \in [0, 10^4],
                  \qquad W \text{ the decoder's last layer}

    All terms are means, as in :class:`VQVAEObjective`; :math:`L_q` is the same. The model makes L
    small, the discriminator :math:`L_D`, both from the same images and at the same moment. Until
    step ``start`` w is 0. Without perceptual network and discriminator, and with squared error
    over the same variance, this is :class:`VQVAEObjective`.

    Args:
        perceptual: called with (x_hat, x), returns a distance per image (B,); None: no such term.
        discriminator: images (B, C, H, W) -> logits, high for "real"; None: no adversary.
        pixels: ``"absolute"`` as in the authors' code, or ``"squared"`` as in the paper's Eq. 4.
        data_variance: σ², which the squared error is divided by; not used by the absolute one.
        perceptual_weight: p.
        adversarial_weight: w, factor of λ·g; 0.8 in the authors' configurations.
        start: step after which g counts: first the autoencoder learns alone (the paper's own
            "warm-up").
        warmup: steps before ``start`` in which the discriminator learns already. With 0, as
            published, it is untrained when it is switched on.
        loss: of the duel, a key of :data:`vqedu.adversarial.LOSSES`.
        penalties: weights ``r1`` and ``lecam`` of penalties on the discriminator; 0: none.

    Source: Esser et al. 2021, Eq. 4 to 7, for the form; absolute error, hinge loss and 0.8 are
    those of the authors' code (taming-transformers), whose published models weigh commitment by 1
    and the codebook term by 0.25. Derived in ``chapters/04_math``, trained in
    ``chapters/06_vqgan``.
    """

    def __init__(
        self,
        perceptual: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        *,
        pixels: str = "absolute",
        data_variance: float = 1.0,
        perceptual_weight: float = 1.0,
        adversarial_weight: float = 0.8,
        start: int = 0,
        warmup: int = 0,
        loss: str = "hinge",
        **penalties: float,
    ):
        super().__init__()
        if min(perceptual_weight, adversarial_weight) < 0 or not 0 <= warmup <= start:
            raise InputError(
                "weights must be at least 0, and warmup in [0, start]; got perceptual_weight="
                f"{perceptual_weight}, adversarial_weight={adversarial_weight}, "
                f"warmup={warmup}, start={start}"
            )
        self.distance = pixel_distance(pixels, data_variance)
        self.perceptual, self.perceptual_weight = perceptual, perceptual_weight
        self.discriminator, self.adversarial_weight = discriminator, adversarial_weight
        self.start, self.warmup = start, warmup
        self.duel = Duel(loss, **penalties)

    def forward(self, model: nn.Module, batch) -> Loss:
        x = images_of(batch)
        x_hat, q = model(x)
        if not (self.playing and torch.is_grad_enabled()):  # without gradients there is no λ
            nll, terms = self.nll(x_hat, x)
            total, critic = nll + q.loss, None
        else:
            y = leaf(x_hat)  # perceptual network and discriminator are traversed from here, once
            nll, terms = self.nll(y, x)
            nll_gradient = gradient(nll, y)
            g, g_gradient, critic, played = self.duel(self.discriminator, x, y)
            n = y.numel() ** 0.5  # as in `gradient`: half precision would lose small ones
            weight = adaptive_weight(
                n * nll_gradient, n * g_gradient, x_hat.float(), model.last_layer, eps=1e-4 * n
            )  # Eq. 7
            terms |= played | {"lambda": weight}
            weight = self.adversarial_weight * weight * (self.step > self.start)
            reconstruction = WithGradient.apply(
                x_hat, (nll + weight * g).detach(), nll_gradient + weight * g_gradient
            )
            total = reconstruction + q.loss  # Eq. 6
        terms = detached(loss=total, **terms)
        return Loss(total, terms | watched(model, x, x_hat, q), critic)

    def nll(self, x_hat: Tensor, x: Tensor) -> tuple[Tensor, dict]:
        """What takes the place of the squared error, and its terms."""
        nll = pixels = self.distance(x_hat, x)
        terms = {"reconstruction": pixels}
        if self.perceptual is not None and self.perceptual_weight:
            perceptual = self.perceptual(x_hat.float(), x).mean()
            nll, terms["perceptual"] = pixels + self.perceptual_weight * perceptual, perceptual
        if self.discriminator is not None and self.adversarial_weight:
            terms |= dict.fromkeys((*Duel.TERMS, "lambda"), math.nan)  # until it plays
        return nll, terms

    @property
    def playing(self) -> bool:
        """Whether the discriminator learns in the present step."""
        there = self.discriminator is not None and self.adversarial_weight > 0
        return there and self.step > self.start - self.warmup


class GANObjective(Objective):
    """A generator against a discriminator: each batch of real images meets as many new fakes.

    Args:
        discriminator: images (B, C, H, W) -> logits of any shape, high for "real".
        loss: a key of :data:`vqedu.adversarial.LOSSES`.
        penalties: weights ``r1`` and ``lecam`` of penalties on the discriminator; 0: none.

    Source: Goodfellow et al. 2014, Algorithm 1; but both players move at once, on the same fakes,
    where the algorithm lets the discriminator move first. Derived in ``chapters/04_math``, trained
    in ``chapters/01_background``.
    """

    def __init__(self, discriminator: nn.Module, loss: str = "non-saturating", **penalties: float):
        super().__init__()
        self.discriminator, self.duel = discriminator, Duel(loss, **penalties)

    def forward(self, model: nn.Module, batch) -> Loss:
        x = images_of(batch)
        fake = model(torch.randn(len(x), model.latent_dim, device=x.device))
        with torch.enable_grad():  # so that the losses can also be looked at without training
            g, g_gradient, critic, terms = self.duel(self.discriminator, x, leaf(fake))
        total = WithGradient.apply(fake, g, g_gradient)
        return Loss(total, detached(loss=total, **terms), critic)


def pixel_distance(name: str, data_variance: float = 1.0):
    """(x_hat, x) -> mean ``"absolute"`` error, or mean ``"squared"`` error over σ²."""
    if not data_variance > 0:
        raise InputError(f"data_variance must be above 0; got {data_variance}")
    distances = {
        "absolute": lambda x_hat, x: F.l1_loss(x_hat.float(), x),
        "squared": lambda x_hat, x: F.mse_loss(x_hat.float(), x) / data_variance,
    }
    if name not in distances:
        raise InputError(f"pixels must be 'absolute' or 'squared', not {name!r}")
    return distances[name]


def watched(model: nn.Module, x: Tensor, x_hat: Tensor, q) -> dict:
    """What both autoencoders show beside their loss."""
    return {
        "codebook": q.codebook_loss.detach(),
        "commitment": q.commitment_loss.detach(),
        "psnr": mean_psnr(x, x_hat.detach().float()),
        "codes_used": model.quantizer.recently_used,
    }


def detached(**terms: Tensor | float) -> dict[str, Tensor | float]:
    """Numbers to look at, without their graphs."""
    return {k: v.detach() if isinstance(v, Tensor) else v for k, v in terms.items()}


class PriorObjective(Objective):
    """Cross-entropy of the next token: the negative log-likelihood of a grid of indices, in nats
    per token.

    ``terms["bits_per_token"]`` can be read against log2 K, the cost without a prior.
    Source: van den Oord et al. 2017, §3.3. Derived in ``chapters/05_vqvae``.
    """

    def forward(self, model: nn.Module, batch) -> Loss:
        """``batch``: (indices (B, h, w) int64, labels (B,) int64)."""
        indices, labels = batch
        nats = F.cross_entropy(model(indices, labels).float(), indices)
        return Loss(nats, {"loss": nats.detach(), "bits_per_token": nats.detach() / math.log(2)})


class MaskedPriorObjective(Objective):
    """Cross-entropy of the tokens that were masked, given those that were not.

    Which are masked is drawn anew in each call: the share γ(r) = cos(πr/2) of a grid, r uniform.
    The mean is over all masked tokens of the batch.
    ``terms["bits_per_masked_token"]`` is no likelihood of the grid; it can be read against
    log2 K, and against itself.

    Source: Chang et al. 2022 (MaskGIT), Eq. 1. Explained in ``chapters/09_outlook``.
    """

    def forward(self, model: nn.Module, batch) -> Loss:
        """``batch``: (indices (B, h, w) int64, labels (B,) int64)."""
        indices, labels = batch
        masked = model.hide(indices)
        target = indices.where(masked == model.mask, -100)  # what cross_entropy leaves out
        nats = F.cross_entropy(model(masked, labels).float(), target)  # Eq. 1
        return Loss(nats, detached(loss=nats, bits_per_masked_token=nats / math.log(2)))
