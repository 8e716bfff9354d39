"""The VQ-VAE paper's network along one axis: a sequence of frames instead of a picture. The bands
of a spectrogram are its channels, so that only time is left to slide along."""

from torch import Tensor, nn

from ..errors import InputError


class SequenceResidualBlock(nn.Module):
    """``x + conv1(relu(conv3(relu(x))))``, (B, C, T) -> same."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv1d(channels, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(hidden, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class SequenceEncoder(nn.Sequential):
    """(B, C, T) frames -> (B, D, T/4) features ``z_e``.

    Args:
        in_channels: C, numbers a frame: 64 bands of a log-mel spectrogram.
        code_dim: D.
        width: channels inside.

    Source: van den Oord et al. 2017, §4.1, in one dimension. Used in ``chapters/08_applications``.
    """

    stride = 4

    def __init__(self, in_channels: int = 64, code_dim: int = 16, width: int = 64):
        super().__init__(
            nn.Conv1d(in_channels, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(width, width, 3, padding=1),
            SequenceResidualBlock(width, width // 2),
            SequenceResidualBlock(width, width // 2),
            nn.ReLU(),
            nn.Conv1d(width, code_dim, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """
        Raises:
            InputError: not floating-point (B, C, T) with T a multiple of 4.
        """
        channels = self[0].in_channels
        if x.ndim != 3 or x.shape[1] != channels or x.shape[2] % 4 or 0 in x.shape:
            raise InputError(
                f"the encoder needs (B, {channels}, T) with T a multiple of 4; got {tuple(x.shape)}"
            )
        if not x.is_floating_point():
            raise InputError(f"the encoder needs floating-point frames; got {x.dtype}")
        return super().forward(x)


class SequenceDecoder(nn.Sequential):
    """(B, D, t) codes -> (B, C, 4·t) frames; the encoder's mirror image.

    Args:
        out_channels, code_dim, width: as for the encoder.
    """

    def __init__(self, out_channels: int = 64, code_dim: int = 16, width: int = 64):
        super().__init__(
            nn.Conv1d(code_dim, width, 3, padding=1),
            SequenceResidualBlock(width, width // 2),
            SequenceResidualBlock(width, width // 2),
            nn.ReLU(),
            nn.ConvTranspose1d(width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose1d(width, out_channels, 4, stride=2, padding=1),
        )
