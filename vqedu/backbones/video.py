"""The network of the VQ-VAE paper with an axis for time: T×H×W pixels become a map of
(T/a)×(H/b)×(W/b) vectors. No frame looks ahead, so the tokens of a clip's beginning do not depend
on how it goes on."""

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError


class CausalConv3d(nn.Conv3d):
    """A convolution over (T, H, W) that sees the present and the past. Before the first frame stand
    copies of it, so that what does not move looks the same at all times."""

    def __init__(self, inputs: int, outputs: int, size: tuple, stride: tuple = (1, 1, 1)):
        side = (size[1] - stride[1] + 1) // 2
        super().__init__(inputs, outputs, size, stride, padding=(0, side, side))
        self.before = size[0] - stride[0]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(_repeat_first(x, self.before))


class CausalUpsample3d(nn.ConvTranspose3d):
    """The way back: a transposed convolution whose output frames come from their own map and
    earlier ones. What sticks out before the first and after the last frame is cut off."""

    def __init__(self, inputs: int, outputs: int, size: tuple, stride: tuple):
        super().__init__(inputs, outputs, size, stride, padding=(0, 1, 1))
        self.before = (size[0] - 1) // stride[0]

    def forward(self, x: Tensor) -> Tensor:
        start, frames = self.before * self.stride[0], x.shape[2] * self.stride[0]
        return super().forward(_repeat_first(x, self.before))[:, :, start : start + frames]


def _repeat_first(x: Tensor, before: int) -> Tensor:
    return F.pad(x, (0, 0, 0, 0, before, 0), mode="replicate") if before else x


class ResidualBlock3d(nn.Module):
    """``x + conv1(relu(conv3(relu(x))))``, (B, C, T, H, W) -> same. ``time``: frames seen by the
    first convolution."""

    def __init__(self, channels: int, hidden: int, time: int):
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(),
            CausalConv3d(channels, hidden, (time, 3, 3)),
            nn.ReLU(),
            CausalConv3d(hidden, channels, (1, 1, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class VideoEncoder(nn.Sequential):
    """(B, C, T, H, W) clips -> (B, D, T/a, H/b, W/b) features ``z_e``.

    Args:
        in_channels: C, 1 for grey and 3 for colour.
        code_dim: D.
        width: channels inside.
        stride: (a, b, b), frames and pixels per token: powers of 2, b at least 4 and a at most b.
            With a = 1 no convolution reaches into another frame, and each is encoded on its own.

    Raises:
        InputError: another stride.

    Source: the idea of VideoGPT (Yan et al. 2021), with the layers of van den Oord et al. 2017 and
    convolutions that do not look ahead, as in MAGVIT-v2 (Yu et al. 2024). Used in
    ``chapters/08_applications``.
    """

    def __init__(self, in_channels: int, code_dim: int, width: int, stride: tuple[int, int, int]):
        time, layers, inside = _time(stride), [], in_channels
        for i, (size, step) in enumerate(_halvings(stride)):
            outside = width // 2 if i == 0 else width
            layers += [CausalConv3d(inside, outside, size, step), nn.ReLU()]
            inside = outside
        super().__init__(
            *layers,
            CausalConv3d(width, width, (time, 3, 3)),
            ResidualBlock3d(width, width // 4, time),
            ResidualBlock3d(width, width // 4, time),
            nn.ReLU(),
            CausalConv3d(width, code_dim, (1, 1, 1)),
        )
        self.stride = tuple(stride)

    @property
    def in_channels(self) -> int:
        """C of the clips."""
        return self[0].in_channels

    def forward(self, x: Tensor) -> Tensor:
        divides = x.ndim == 5 and 0 not in x.shape
        divides = divides and not any(n % f for n, f in zip(x.shape[2:], self.stride, strict=True))
        if not divides or x.shape[1] != self.in_channels or not x.is_floating_point():
            raise InputError(
                f"the encoder needs floating-point clips (B, {self.in_channels}, T, H, W), T, H "
                f"and W multiples of {self.stride}; got {x.dtype} of shape {tuple(x.shape)}"
            )
        return super().forward(x)


class VideoDecoder(nn.Sequential):
    """(B, D, t, h, w) codes -> (B, C, a·t, b·h, b·w) clips. The encoder's mirror image; it does not
    look ahead either.

    Args:
        out_channels, code_dim, width, stride: as for the encoder.

    Raises:
        InputError: another stride.
    """

    def __init__(self, out_channels: int, code_dim: int, width: int, stride: tuple[int, int, int]):
        time, layers, inside = _time(stride), [], width
        for i, (size, step) in reversed(list(enumerate(_halvings(stride)))):
            outside = (out_channels, width // 2)[i] if i < 2 else width
            layers += [CausalUpsample3d(inside, outside, size, step), nn.ReLU()]
            inside = outside
        super().__init__(
            CausalConv3d(code_dim, width, (time, 3, 3)),
            ResidualBlock3d(width, width // 4, time),
            ResidualBlock3d(width, width // 4, time),
            nn.ReLU(),
            *layers[:-1],  # what comes out is not squashed
        )

    @property
    def last_layer(self) -> nn.Parameter:
        """The weight of the last convolution."""
        return self[-1].weight


def _time(stride: tuple[int, int, int]) -> int:
    """Frames seen by a convolution that keeps the size."""
    return 1 if stride[0] == 1 else 3


def _halvings(stride: tuple[int, int, int]) -> list[tuple[tuple, tuple]]:
    """Size and stride of each convolution that halves: always the sides, the first ones time."""
    a, b, c = stride
    if a < 1 or b < 4 or a & (a - 1) or b & (b - 1) or a > b or b != c:
        raise InputError(
            "stride must be (a, b, b), powers of 2 with b at least 4 and a at most b; "
            f"got {tuple(stride)}"
        )
    n = b.bit_length() - 1
    steps = [2 if i < a.bit_length() - 1 else 1 for i in range(n)]
    return [((4 if step == 2 else 1, 4, 4), (step, 2, 2)) for step in steps]
