"""The adversarial game, with each network traversed once.

The usual code goes backward through the perceptual network and the discriminator twice, once for
λ and once for the loss, and forward through the discriminator once more for its own turn. Here
the reconstruction is cut off from what made it (:func:`leaf`), each loss's gradient with respect
to it is taken once (:func:`gradient`), used for whatever is needed, and handed on
(:class:`WithGradient`). Both players' losses therefore belong to the same moment: neither sees what
the other has learned from this batch.
"""

import torch
from torch import Tensor, nn

from .adversarial import LOSSES, LeCam, r1_penalty
from .errors import InputError, did_you_mean


class Duel(nn.Module):
    """Both sides of the adversarial game, in one pass of the discriminator over each image.

    Args:
        loss: a key of :data:`vqedu.adversarial.LOSSES`.
        r1, lecam: weights of the penalties on the discriminator; 0: none.
    """

    TERMS = ("adversarial", "discriminator", "logits_real", "logits_fake")

    def __init__(self, loss: str, *, r1: float = 0.0, lecam: float = 0.0):
        super().__init__()
        if loss not in LOSSES:
            raise InputError(f"no loss {loss!r}: {', '.join(LOSSES)}{did_you_mean(loss, LOSSES)}")
        if min(r1, lecam) < 0:
            raise InputError(f"penalties must be at least 0; got r1={r1}, lecam={lecam}")
        self.loss, self.r1, self.lecam = loss, r1, lecam
        self.averages = LeCam()

    def forward(self, discriminator: nn.Module, x: Tensor, fake: Tensor):
        """
        Args:
            discriminator: images -> logits.
            x: real images (B, C, H, W).
            fake: as many made ones; a leaf that requires a gradient.

        Returns:
            g, the loss of who made the fakes, its gradient with respect to them, the
            discriminator's loss, and the named terms.
        """
        for_discriminator, for_generator = LOSSES[self.loss]
        real_logits, fake_logits = discriminator(x).float(), discriminator(fake).float()
        g = for_generator(fake_logits)
        g_gradient = gradient(g, fake, keep=True)  # the critic's loss goes through it once more
        critic = value = for_discriminator(real_logits, fake_logits)
        if self.r1:
            critic = critic + self.r1 * r1_penalty(discriminator, x)
        if self.lecam:
            critic = critic + self.lecam * self.averages(real_logits, fake_logits)
        terms = (g, value, real_logits.mean(), fake_logits.mean())
        return g.detach(), g_gradient, critic, dict(zip(self.TERMS, terms, strict=True))


class WithGradient(torch.autograd.Function):
    """A number whose gradient with respect to ``x_hat`` was worked out before.

    ``WithGradient.apply(x_hat, value, gradient)`` equals ``value``; going backward, ``gradient``
    is handed to ``x_hat``.
    """

    @staticmethod
    def forward(ctx, x_hat: Tensor, value: Tensor, known: Tensor) -> Tensor:
        ctx.save_for_backward(known)
        ctx.dtype = x_hat.dtype
        return value.detach().clone()

    @staticmethod
    def backward(ctx, factor: Tensor):
        (known,) = ctx.saved_tensors
        return (known * factor).to(ctx.dtype), None, None


def gradient(value: Tensor, y: Tensor, keep: bool = False) -> Tensor:
    """Of a mean over images ``y`` with respect to them. Scaled on its way by the root of the number
    of pixels: under float16 it would vanish without, and overflow with that number itself."""
    scale = y.numel() ** 0.5
    (scaled,) = torch.autograd.grad(value * scale, y, retain_graph=keep)
    return scaled / scale


def leaf(x_hat: Tensor) -> Tensor:
    """The same images, cut off from what made them."""
    return x_hat.detach().float().requires_grad_()
