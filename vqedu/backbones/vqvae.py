"""The network of the VQ-VAE paper. It halves the resolution in its first two layers and is
therefore quick on a CPU: H×W pixels become a map of (H/4)×(W/4) vectors."""

from torch import Tensor, nn

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
    """(B, C, H, W) images -> (B, D, H/4, W/4) features ``z_e``.

    Args:
        in_channels: C, 1 for grey and 3 for colour.
        code_dim: D; 64 in the authors' code.
        width: channels inside; 128 in the authors' code.

    Source: van den Oord et al. 2017, §4.1, with the sizes of the authors' Sonnet example.
    Built up in ``chapters/05_vqvae``.
    """

    stride = 4  # pixels per token, along each side

    def __init__(self, in_channels: int, code_dim: int = 64, width: int = 128):
        super().__init__(
            nn.Conv2d(in_channels, width // 2, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            ResidualBlock(width, width // 4),
            ResidualBlock(width, width // 4),
            nn.ReLU(),
            nn.Conv2d(width, code_dim, 1),
        )

    @property
    def in_channels(self) -> int:
        """C of the images."""
        return self[0].in_channels

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.in_channels, self.stride)
        return super().forward(x)


class VQVAEDecoder(nn.Sequential):
    """(B, D, h, w) codes -> (B, C, 4h, 4w) images. The encoder's mirror image; its output is not
    squashed, since the likelihood is a Gaussian around it. Arguments as for the encoder."""

    def __init__(self, out_channels: int, code_dim: int = 64, width: int = 128):
        super().__init__(
            nn.Conv2d(code_dim, width, 3, padding=1),
            ResidualBlock(width, width // 4),
            ResidualBlock(width, width // 4),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width // 2, out_channels, 4, stride=2, padding=1),
        )

    @property
    def last_layer(self) -> nn.Parameter:
        """The weight of the last convolution, (width/2, C, 4, 4)."""
        return self[-1].weight
