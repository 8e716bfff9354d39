"""The network of the VQ-VAE paper. It halves the resolution in its first layers and is therefore
quick on a CPU: H×W pixels become a map of (H/4)×(W/4) vectors, or of fewer."""

from torch import Tensor, nn

from ..errors import InputError
from .checks import check_images


class ResidualBlock(nn.Module):
    """``x + conv1x1(relu(conv3x3(relu(x))))``, (B, C, H, W) -> same.

    The first ReLU must not work in place: the skip connection needs ``x`` as it was.
    """

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class VQVAEEncoder(nn.Sequential):
    """(B, C, H, W) images -> (B, D, H/f, W/f) features ``z_e``; f is ``stride``.

    Args:
        in_channels: C, 1 for grey and 3 for colour.
        code_dim: D; 64 in the authors' code.
        width: channels inside; 128 in the authors' code.
        stride: pixels per token, along each side: a power of 2 from 4 on. 4 in the authors'
            code; each doubling adds a convolution that halves the sides.

    Raises:
        InputError: another stride.

    Source: van den Oord et al. 2017, §4.1, with the sizes of the authors' Sonnet example.
    Built up in ``chapters/05_vqvae``.
    """

    def __init__(self, in_channels: int, code_dim: int = 64, width: int = 128, stride: int = 4):
        layers = [nn.Conv2d(in_channels, width // 2, 4, stride=2, padding=1), nn.ReLU()]
        inside = width // 2
        for _ in range(_halvings(stride) - 1):
            layers += [nn.Conv2d(inside, width, 4, stride=2, padding=1), nn.ReLU()]
            inside = width
        super().__init__(
            *layers,
            nn.Conv2d(width, width, 3, padding=1),
            ResidualBlock(width, width // 4),
            ResidualBlock(width, width // 4),
            nn.ReLU(),
            nn.Conv2d(width, code_dim, 1),
        )
        self.stride = stride

    @property
    def in_channels(self) -> int:
        """C of the images."""
        return self[0].in_channels

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.in_channels, self.stride)
        return super().forward(x)


class VQVAEDecoder(nn.Sequential):
    """(B, D, h, w) codes -> (B, C, f·h, f·w) images; f is ``stride``. The encoder's mirror image;
    its output is not squashed, since the likelihood is a Gaussian around it.

    Args:
        out_channels, code_dim, width, stride: as for the encoder.
        upsampling: ``"transposed"``, strided transposed convolutions, as in the authors' code; or
            ``"nearest"``, each pixel four times and then a 3×3 convolution, which leaves no
            checkerboard (Odena et al. 2016).

    Raises:
        InputError: another stride or upsampling.
    """

    def __init__(
        self,
        out_channels: int,
        code_dim: int = 64,
        width: int = 128,
        stride: int = 4,
        upsampling: str = "transposed",
    ):
        if upsampling not in UPSAMPLING:
            raise InputError(f"upsampling must be {' or '.join(UPSAMPLING)}, not {upsampling!r}")
        up, layers = UPSAMPLING[upsampling], []
        for _ in range(_halvings(stride) - 2):
            layers += [up(width, width), nn.ReLU()]
        super().__init__(
            nn.Conv2d(code_dim, width, 3, padding=1),
            ResidualBlock(width, width // 4),
            ResidualBlock(width, width // 4),
            nn.ReLU(),
            *layers,
            up(width, width // 2),
            nn.ReLU(),
            up(width // 2, out_channels),
        )

    @property
    def last_layer(self) -> nn.Parameter:
        """The weight of the last convolution."""
        last = self[-1]
        return (last[-1] if isinstance(last, nn.Sequential) else last).weight


def _transposed(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)


def _nearest(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1))


UPSAMPLING = {"transposed": _transposed, "nearest": _nearest}


def _halvings(stride: int) -> int:
    """How often the sides are halved."""
    n = stride.bit_length() - 1
    if n < 2 or stride != 2**n:
        raise InputError(f"stride must be a power of 2, at least 4; got {stride}")
    return n
