"""Networks that measure. No model may be trained against them, or they would flatter it."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..errors import InputError
from ..inference import device_of, evaluating
from ..perceptual import FeatureDistance, FeatureNet
from ..pretrained import efficientnet_lite

LITE0 = "efficientnet-lite0"
LITE0_SMALL = "efficientnet-lite0-96"  # the same weights at 96×96 pixels: five times as fast
EVALUATORS = ("evaluator-fashion", LITE0)  # for grey images, and for colour


class Evaluator(nn.Module):
    """Images -> features: the last map of a network, averaged over positions.

    Args:
        network: (B, in_channels, H, W) in [-1, 1] -> a list of maps, of which the last counts,
            (B, F, h, w).
        in_channels: what the network wants. Grey images are repeated where it wants 3.
        name: stands beside each result: distances in the features of two networks cannot be
            compared.

    Raises:
        InputError: a network that serves as a loss.

    Introduced in ``chapters/07_comparison``.
    """

    def __init__(self, network: nn.Module, *, in_channels: int, name: str):
        super().__init__()
        refuse_losses(network, name)
        self.network, self.in_channels, self.name = network, in_channels, name
        with evaluating(network):
            example = torch.zeros(1, in_channels, 32, 32, device=device_of(network))
            self.num_features = network(example)[-1].shape[1]

    def distance(self) -> FeatureDistance:
        """The distance of two images in the features of this network."""
        return FeatureDistance(self.network, in_channels=self.in_channels, name=self.name)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> (B, F) float64 on the CPU, whose sums then lose no digits.

        Raises:
            InputError: channels that the network does not take.
        """
        wanted = self.in_channels
        if x.shape[1] != wanted and (x.shape[1], wanted) != (1, 3):
            raise InputError(f"{self.name} takes images of {wanted} channels; got {x.shape[1]}")
        with evaluating(self):
            x = x.to(device_of(self)).expand(-1, wanted, -1, -1)
            return self.network(x)[-1].mean((2, 3)).cpu().double()


def load_evaluator(which: str | Evaluator) -> Evaluator:
    """An evaluator by name; one that is built already is returned as it is.

    Args:
        which: ``"evaluator-fashion"`` for grey images of clothes, ``"efficientnet-lite0"`` for
            colour images, ``"efficientnet-lite0-96"`` for many small ones, or a file with a
            :class:`~vqedu.perceptual.FeatureNet`.

    Raises:
        CheckpointError: no such file, or a damaged one.
        InputError: a network that serves as a loss, or is none for features; or the optional
            packages with EfficientNet-Lite0 are not installed.
    """
    if isinstance(which, Evaluator):
        return which
    if which == LITE0:
        return Evaluator(EfficientNetLite0(), in_channels=3, name=LITE0)
    if which == LITE0_SMALL:
        return Evaluator(EfficientNetLite0(96), in_channels=3, name=LITE0_SMALL)
    if isinstance(which, nn.Module):
        refuse_losses(which, type(which).__name__)
        raise InputError(
            "an evaluator needs a name beside its network: Evaluator(network, in_channels=..., "
            f"name=...); got a bare {type(which).__name__}"
        )
    from .. import checkpoints  # on use: it comes after this module, and imports none itself

    network = checkpoints.load(which)
    if not isinstance(network, FeatureNet):
        raise InputError(
            f"{which} holds a {type(network).__name__}; an evaluator is "
            f"{' or '.join(EVALUATORS)}, or a file with a FeatureNet"
        )
    return Evaluator(network, in_channels=network.in_channels, name=str(which))


def refuse_losses(network: nn.Module, name: str, model: nn.Module | None = None) -> None:
    """Raise InputError for a network that serves as a loss by its notes, or that served as this
    model's by its name or its weights.

    Args:
        network: an :class:`Evaluator`, a FeatureDistance, or the network inside one.
        name: of it.
        model: in its notes, ``perceptual`` is the name and ``perceptual_fingerprint`` the
            :func:`~vqedu.checkpoints.fingerprint` of the network that it was trained on.
    """
    from .. import checkpoints  # on use: see load_evaluator

    purposes = {getattr(part, "notes", {}).get("purpose") for part in network.modules()}
    notes = getattr(model, "notes", {})
    trained_on_it = name == notes.get("perceptual")
    if "perceptual_fingerprint" in notes:  # the same weights from another file
        weights = checkpoints.fingerprint(getattr(network, "network", network))
        trained_on_it |= weights == notes["perceptual_fingerprint"]
    if "loss" in purposes or trained_on_it:
        saw_it = "this model was trained on it" if trained_on_it else "it serves as a loss"
        raise InputError(
            f"{name} cannot measure, because {saw_it}; "
            f"take a network that no training saw, such as {' or '.join(EVALUATORS)}"
        )


class EfficientNetLite0(nn.Module):
    """ImageNet's EfficientNet-Lite0: (B, 3, H, W) in [-1, 1] -> [(B, 1280, 7, 7)].

    Images of any size are resized to ``size`` pixels, 224 as it was trained; at 96, for which the
    map is 3×3, it sees a patch of 32×32 pixels three times enlarged instead of seven times. They
    stay in [-1, 1], as Google trained the "Lite" variants; the package's description, which scales
    by ImageNet's mean and deviation, is that of another family. With [-1, 1] it finds a cat and a
    clock in scikit-image's photographs, with the other scaling the cat only: a test holds it.

    Raises:
        InputError: its packages are not installed.
    """

    def __init__(self, size: int = 224):
        super().__init__()
        self.size, self.net = size, efficientnet_lite(0)

    def forward(self, x: Tensor) -> list[Tensor]:
        # a few at a time: at this resolution an image takes some 10 MB on its way
        maps = [self.net.extract_features(self._resized(part)) for part in x.split(32)]
        return [torch.cat(maps)]

    def _resized(self, x: Tensor) -> Tensor:
        return interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)
