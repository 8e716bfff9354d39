"""How far apart two sets of images are, as a whole."""

import warnings
from dataclasses import dataclass

from torch import Tensor
from torch.utils.data import Dataset
from torchmetrics.image.fid import FrechetInceptionDistance

from ..errors import InputError
from .batches import batches
from .evaluators import Evaluator, load_evaluator


@dataclass(frozen=True)
class Distance:
    """A distance, and the network in whose features it was measured. Values of different
    networks cannot be compared."""

    value: float
    network: str

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.network})"


def frechet_distance(
    images_a: Dataset | Tensor,
    images_b: Dataset | Tensor,
    evaluator: str | Evaluator,
    *,
    batch_size: int = 250,
) -> Distance:
    r"""The Fréchet distance of two sets of images: of two Gaussians fitted to their features.
    What everybody calls by that name is its square, and so is this.

    .. math:: \|\mu_a - \mu_b\|^2 +
        \mathrm{tr}\left(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2}\right)

    With Inception-v3 as the evaluator this is the FID; with any other it is not, and has other
    values. Few images make it too large: compare only values from equally many, with one
    evaluator, at one resolution. Computed in float64.

    Args:
        images_a: tensor (N, C, H, W) in [-1, 1], or a data set that yields such images or pairs
            (image, label). The images of the two need not be as many, nor in the same order.
        images_b: the same for the other set.
        evaluator: a name or network, see :func:`load_evaluator`; computes where it is, one loaded
            by name on the CPU.
        batch_size: images at a time; the result does not depend on it.

    Returns:
        at least 0, and 0 for equal sets.

    Raises:
        InputError: fewer than 2 images in a set, channels that the evaluator does not take, or
            an evaluator that serves as a loss.

    Warns:
        UserWarning: no more images than features: the covariances are singular, and the value
            says more about the number of images than about them.

    Source: Heusel et al. 2017, Eq. 6 (FID). Explained in ``chapters/07_comparison``.
    """
    meter = Frechet(load_evaluator(evaluator))
    for images, real in ((images_a, True), (images_b, False)):
        for batch in batches(images, batch_size):
            meter.fid.update(batch, real=real)
    return meter.compute()


class Frechet:
    """Takes images and their reconstructions batch by batch: :func:`frechet_distance`."""

    def __init__(self, evaluator: Evaluator):
        self.evaluator = evaluator
        self.fid = FrechetInceptionDistance(evaluator, normalize=True)

    def update(self, x_hat: Tensor, x: Tensor) -> None:
        self.fid.update(x, real=True)
        self.fid.update(x_hat, real=False)

    def compute(self) -> Distance:
        fewest = min(self.fid.real_features_num_samples, self.fid.fake_features_num_samples).item()
        features, name = self.evaluator.num_features, self.evaluator.name
        if fewest < 2:
            raise InputError(f"a Fréchet distance needs 2 images or more in each set; got {fewest}")
        if fewest <= features:
            warnings.warn(
                f"{fewest} images for the {features} features of {name}: the Fréchet distance is "
                "far too large; compare it only with values from as many images",
                stacklevel=3,
            )
        return Distance(max(self.fid.compute().item(), 0.0), name)  # rounding may pass below 0
