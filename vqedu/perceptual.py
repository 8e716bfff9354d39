"""How different two images look: distance between the features that a network finds in them.

A network that was trained to recognise things answers strongly to edges and textures and hardly
to what the eye forgives. Here: the distance (LPIPS's form, for any network), LPIPS with its VGG
network where the weights are on this machine, and a small network trained on the course's data
for where they are not.
"""

import pickle
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from .errors import CheckpointError, InputError
from .pretrained import LITE1, EarlyFeatures

EPS = 1e-6  # inside the root: bounds the gradient at zero features by 1e3
LPIPS_VGG = "lpips-vgg"
VGG_FILE = "vgg16-397923af.pth"  # torchvision's VGG16_Weights.IMAGENET1K_V1
SMALL = {1: "features-fashion", 3: "features-photos"}  # shipped, by the images' channels


class FeatureDistance(nn.Module):
    r"""Distance of two images in LPIPS's form, over the maps of any feature network.

    .. math:: d(\hat x, x) = \sum_l \frac{1}{H_l W_l} \sum_{h,w}
        \sum_c w_{lc}\,(\hat y^l_{hwc} - y^l_{hwc})^2

    with :math:`y = f / \sqrt{\sum_c f_c^2 + \varepsilon}`, the features of a position scaled to
    length 1. LPIPS divides by :math:`\sqrt{\sum_c f_c^2} + 10^{-10}` instead, whose gradient is
    NaN where all features are zero; the values agree wherever features are well above 0.001.

    It is fixed: its parameters take no gradient, and it stays in eval mode whatever ``train`` is
    called on. Under mixed precision the distance is computed in float32.

    Args:
        network: (B, in_channels, H, W) -> a list of maps (B, C_l, H_l, W_l). Taken over, not
            copied: it is put in eval mode, without gradients for its parameters.
        weights: for each map its w_l, (C_l,), at least 0. None: 1 throughout; then each map adds
            2 (1 - cosine of the two features), from 0 to 2 after a ReLU.
        in_channels: what the network wants. Grey images are repeated where it wants 3.
        name: of the network, so that a result can say what it was measured with.

    Raises:
        InputError: a weight below 0 or not finite.

    Source: Zhang et al. 2018, Eq. 1; w here is the square of w there, as in the authors' code.
    Derived in ``chapters/04_math``.
    """

    def __init__(
        self,
        network: nn.Module,
        weights: Sequence[Tensor] | None = None,
        *,
        in_channels: int,
        name: str,
    ):
        super().__init__()
        self.network, self.in_channels, self.name = network, in_channels, name
        self.layers = None if weights is None else len(weights)
        for layer, w in enumerate(weights or ()):
            if w.ndim != 1 or not (torch.isfinite(w) & (w >= 0)).all():
                raise InputError(f"weights[{layer}] must be (C,), finite and at least 0")
            self.register_buffer(f"weight{layer}", w.detach().clone())
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "FeatureDistance":
        """Stays in eval mode: a distance that drew at random would be none."""
        return super().train(False)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1], twice -> (B,), at least 0, and 0 for equal images.

        Raises:
            InputError: different shapes, channels that the network does not take, images too
                small for it, or weights that do not fit its maps.
        """
        if x_hat.shape != x.shape or x.ndim != 4 or 0 in x.shape:
            raise InputError(
                "the distance needs two batches of images of one shape (B, C, H, W); got "
                f"{tuple(x_hat.shape)} and {tuple(x.shape)}"
            )
        ours, theirs = self.network(self._fitted(x_hat)), self.network(self._fitted(x))
        if self.layers not in (None, len(ours)):
            raise InputError(f"{self.layers} weights for a network of {len(ours)} maps")
        return sum(self._layer(i, *pair) for i, pair in enumerate(zip(ours, theirs, strict=True)))

    def _layer(self, i: int, f_hat: Tensor, f: Tensor) -> Tensor:
        difference = (unit_length(f_hat) - unit_length(f)).square()  # (B, C, h, w)
        if self.layers is None:
            return difference.sum(1).mean((1, 2))
        weight = getattr(self, f"weight{i}")
        if len(weight) != f.shape[1]:
            raise InputError(f"weights[{i}] has {len(weight)} numbers for {f.shape[1]} channels")
        # A product and a sum, because autocast would turn einsum to half precision.
        return (difference * weight[:, None, None]).sum(1).mean((1, 2))  # Eq. 1, Zhang 2018

    def _fitted(self, x: Tensor) -> Tensor:
        if x.shape[1] == self.in_channels:
            return x
        if x.shape[1] == 1 and self.in_channels == 3:
            return x.expand(-1, 3, -1, -1)
        raise InputError(
            f"{self.name} takes images of {self.in_channels} channels; got {x.shape[1]}"
        )


def unit_length(f: Tensor) -> Tensor:
    """Each position's features scaled to length 1, (B, C, h, w) -> same, at least float32; zeros
    stay zeros."""
    f = f.to(torch.promote_types(f.dtype, torch.float32))
    return f * (f.square().sum(1, keepdim=True) + EPS).rsqrt()


class FeatureNet(nn.Module):
    """A small classifier whose feature maps serve for a distance.

    Stages of 3×3 convolutions and ReLUs; from the second on, each halves the resolution. Not
    depthwise, which is slow on a CPU.

    Args:
        in_channels: C, 1 for grey and 3 for colour.
        num_classes: what it is trained to tell apart.
        widths: channels of each stage.
        depth: convolutions in each stage.

    Raises:
        InputError: a number below 1, or no stage.

    Introduced in ``chapters/06_vqgan``.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        widths: Sequence[int] = (32, 64, 128),
        depth: int = 1,
    ):
        super().__init__()
        if min(in_channels, num_classes, depth, *widths, len(widths)) < 1:
            raise InputError(
                "in_channels, num_classes, depth and each of widths must be >= 1; got "
                f"{in_channels}, {num_classes}, {depth}, {list(widths)}"
            )
        self.in_channels, self.stages, inside = in_channels, nn.ModuleList(), in_channels
        for i, width in enumerate(widths):
            stage = nn.Sequential()
            for j in range(depth):
                stride = 2 if i and not j else 1
                stage += nn.Sequential(nn.Conv2d(inside, width, 3, stride, padding=1), nn.ReLU())
                inside = width
            self.stages.append(stage)
        self.head = nn.Linear(inside, num_classes)
        for conv in self.stages.modules():
            if isinstance(conv, nn.Conv2d):  # He et al. 2015: there is no normalisation in between
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
                nn.init.zeros_(conv.bias)
        self.config = {"builder": "FeatureNet", "in_channels": in_channels}
        self.config |= {"num_classes": num_classes, "widths": list(widths), "depth": depth}

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, C, H, W) in [-1, 1] -> the map of each stage, (B, widths[l], H/2^l, W/2^l).

        Raises:
            InputError: not (B, C, H, W) with the network's C.
        """
        if x.ndim != 4 or x.shape[1] != self.in_channels or 0 in x.shape:
            raise InputError(
                f"this network takes images (B, {self.in_channels}, H, W); got {tuple(x.shape)}"
            )
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def embed(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, widths[-1]): the last map's mean over positions, for a Fréchet
        distance."""
        return self(x)[-1].mean((2, 3))

    def classify(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, num_classes)."""
        return self.head(self.embed(x))


class VGGFeatures(nn.Module):
    """VGG-16 up to its last ReLU: images in [-1, 1] -> the maps after relu1_2, relu2_2, relu3_3,
    relu4_3 and relu5_3. Layers and names of the weights are torchvision's.

    Source: Simonyan and Zisserman 2015, Table 1, D; the scaling of the input is LPIPS's v0.1.
    """

    BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions

    def __init__(self):
        super().__init__()
        layers, self.taps, inside = [], [], 3
        for channels, convolutions in self.BLOCKS:
            layers += [nn.MaxPool2d(2)] if layers else []
            for _ in range(convolutions):
                layers += [nn.Conv2d(inside, channels, 3, padding=1), nn.ReLU()]
                inside = channels
            self.taps.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)
        # ImageNet's mean and deviation, for inputs in [-1, 1] instead of [0, 1]
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        self.register_buffer("shift", shift.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", scale.view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        if min(x.shape[2:]) < 16:
            raise InputError(f"VGG needs images of 16×16 or more; got {tuple(x.shape)}")
        x, maps = (x - self.shift) / self.scale, []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in self.taps:
                maps.append(x)
        return maps


def lpips_vgg(vgg: str | Path | None = None, linear: str | Path | None = None) -> FeatureDistance:
    """LPIPS v0.1 with the VGG network. Nothing is downloaded.

    Args:
        vgg: a file with torchvision's VGG-16 weights; None: torch's cache.
        linear: a file with LPIPS's weights of the channels; None: the installed package lpips.

    Raises:
        CheckpointError: a file that is missing, damaged or another's; says how to get it.

    Source: Zhang et al. 2018. Used from ``chapters/06_vqgan`` on.
    """
    vgg, linear = Path(vgg or vgg_file()), Path(linear or linear_file())
    if not vgg.is_file():
        raise CheckpointError(
            f"LPIPS needs VGG-16's weights, {VGG_FILE}, and there is no {vgg}. With a network, "
            "torchvision.models.vgg16(weights='IMAGENET1K_V1') puts them there; or name a file: "
            f"lpips_vgg(vgg=...). Without: {_OFFLINE}"
        )
    if not linear.is_file():
        raise CheckpointError(
            f"LPIPS needs the weights of its channels, v0.1/vgg.pth, and there is no {linear}. "
            "They come with the package lpips (pip install lpips); or name a file: "
            f"lpips_vgg(linear=...). Without: {_OFFLINE}"
        )
    network, state, rows = VGGFeatures(), _weights(vgg), _weights(linear)
    keep = network.state_dict().keys()  # torchvision's file holds the classifier as well
    try:
        network.load_state_dict({name: state[name] for name in keep})
        weights = [rows[f"lin{i}.model.1.weight"].flatten() for i in range(len(network.BLOCKS))]
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"{vgg} or {linear} holds other weights: {error}") from error
    return FeatureDistance(network, weights, in_channels=3, name=LPIPS_VGG)


_OFFLINE = "the small networks that come with vqedu, perceptual.load('features-photos')"


def vgg_file() -> Path:
    """Where torch keeps VGG-16's weights once torchvision has fetched them."""
    return Path(torch.hub.get_dir()) / "checkpoints" / VGG_FILE


def linear_file() -> Path:
    """Where the package lpips keeps its weights; it is found without running its code."""
    spec = find_spec("lpips")
    folder = Path(spec.origin).parent if spec and spec.origin else Path("lpips")
    return folder / "weights" / "v0.1" / "vgg.pth"


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path} is damaged or holds no weights: {error}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds no weights but a {type(state).__name__}")
    return state


def load(name: str) -> FeatureDistance:
    """A distance by name.

    Args:
        name: ``"lpips-vgg"``, ``"features-fashion"`` (grey), ``"features-photos"`` (colour),
            ``"efficientnet-lite1"`` (colour, see :class:`~vqedu.pretrained.EarlyFeatures`), or a
            file with a :class:`FeatureNet`.

    Raises:
        CheckpointError: no such file, or not one of a FeatureNet.
        InputError: a network that is kept for measuring, or one whose packages are missing.
    """
    from . import checkpoints

    if name == LPIPS_VGG:
        return lpips_vgg()
    if name == LITE1:
        return FeatureDistance(EarlyFeatures(), in_channels=3, name=LITE1)
    network = checkpoints.load(name)
    if not isinstance(network, FeatureNet):
        raise CheckpointError(f"{name} holds a {type(network).__name__}, not a FeatureNet")
    if network.notes.get("purpose") == "evaluation":
        raise InputError(f"{name} is kept for measuring: what is trained on it cannot be judged")
    return FeatureDistance(network, in_channels=network.in_channels, name=str(name))


def default(channels: int) -> FeatureDistance:
    """The best distance on this machine for images of 1 or 3 channels; ``.name`` says which.

    LPIPS-VGG where its weights are, else the small network that comes with the package.

    Raises:
        InputError: another number of channels.
    """
    if channels not in SMALL:
        raise InputError(f"images have 1 or 3 channels, not {channels}")
    have_lpips = vgg_file().is_file() and linear_file().is_file()
    return load(LPIPS_VGG if have_lpips else SMALL[channels])
