"""The network of the VQGAN paper, with the parameter names of the published models.

Each level works at one resolution: residual blocks, on some levels attention, then a step to half
the side (encoder) or to twice the side (decoder).
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .checks import check_images

GROUPS = 32  # of GroupNorm; what the published models have


class GroupNorm(nn.GroupNorm):
    """GroupNorm as in the published models, 32 groups and ε = 1e-6. (B, C, h, w) -> same.

    Raises:
        InputError: 32 channels at 1×1, where every group is one number and would come out as 0.
    """

    def __init__(self, channels: int):
        super().__init__(GROUPS, channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:].numel() == GROUPS:
            raise InputError(
                f"{GROUPS} channels at 1×1 cannot be normalised in {GROUPS} groups: take larger "
                "images, a larger width, or fewer levels"
            )
        return super().forward(x)


class ResnetBlock(nn.Module):
    """Twice GroupNorm, swish, 3×3 convolution; then plus the input, through a 1×1 convolution
    (``nin_shortcut``) where the number of channels changes. (B, C, H, W) -> (B, C', H, W)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.norm1 = GroupNorm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = GroupNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.nin_shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return self.nin_shortcut(x) + h


class AttentionBlock(nn.Module):
    r"""Every position looks at every other, with one head: (B, C, h, w) -> same.

    .. math:: x + W_o\,\mathrm{softmax}\!\left(Q K^\top / \sqrt{C}\right) V

    Q, K and V are 1×1 convolutions of the normalised x. Time and memory grow with (h·w)².

    Source: Vaswani et al. 2017, Eq. 1; Esser et al. 2021, Table 7. Shown in ``chapters/06_vqgan``.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = GroupNorm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        # (B, C, h, w) -> (B, 1 head, h*w, C)
        q, k, v = (f(h).flatten(2).transpose(1, 2)[:, None] for f in (self.q, self.k, self.v))
        a = F.scaled_dot_product_attention(q, k, v)  # Eq. 1, Vaswani 2017
        return x + self.proj_out(a[:, 0].transpose(1, 2).reshape(x.shape))  # -> (B, C, h, w)


class Downsample(nn.Module):
    """(B, C, H, W) -> (B, C, H/2, W/2), by a 3×3 convolution with stride 2. One row and one column
    of zeros go below and to the right only, as in the published models."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """(B, C, h, w) -> (B, C, 2h, 2w): each pixel four times, then a 3×3 convolution. It leaves no
    checkerboard, as strided transposed convolutions may (Odena et al. 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    """Residual blocks at one resolution, each followed by attention if the level has any."""

    def __init__(self, inputs: int, outputs: int, blocks: int, attention: bool):
        super().__init__()
        first = [inputs] + [outputs] * (blocks - 1)
        self.block = nn.ModuleList(ResnetBlock(channels, outputs) for channels in first)
        self.attn = nn.ModuleList(
            AttentionBlock(outputs) if attention else nn.Identity() for _ in first
        )

    def forward(self, x: Tensor) -> Tensor:
        for block, attn in zip(self.block, self.attn, strict=True):
            x = attn(block(x))
        return x


class Middle(nn.Module):
    """Between the levels and the codes: residual block, attention, residual block."""

    def __init__(self, channels: int, attention: bool):
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels)
        self.attn_1 = AttentionBlock(channels) if attention else nn.Identity()
        self.block_2 = ResnetBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class VQGANEncoder(nn.Module):
    """(B, C, H, W) images -> (B, D, H/f, W/f) features ``z_e``; f = 2^(number of levels - 1).

    Args:
        in_channels: C, 1 for grey and 3 for colour.
        code_dim: D.
        width: channels of the first level, a multiple of 32.
        multipliers: channels of each level as multiples of ``width``, from the highest resolution
            to the lowest; as many levels as numbers.
        res_blocks: residual blocks per level.
        attention_levels: the levels with attention, 0 the highest resolution, -1 the lowest.
        mid_attention: attention also between levels and codes.
        z_channels: channels before the last 1×1 convolution, ``quant_conv``; None: as code_dim.

    Raises:
        InputError: a size below 1, a width that 32 does not divide, a level that there is not.

    Source: Esser et al. 2021, Table 7; the details (padding, ε, attention after every block
    of a level) are those of the
    authors' code. Shown in ``chapters/06_vqgan``.
    """

    def __init__(
        self,
        in_channels: int,
        code_dim: int = 256,
        width: int = 128,
        *,
        multipliers: Sequence[int] = (1, 1, 2, 2, 4),
        res_blocks: int = 2,
        attention_levels: Sequence[int] = (-1,),
        mid_attention: bool = True,
        z_channels: int | None = None,
    ):
        super().__init__()
        channels, attention = _plan(width, multipliers, res_blocks, attention_levels)
        z_channels = z_channels or code_dim
        self.stride = 2 ** (len(channels) - 1)  # pixels per token, along each side
        self.conv_in = nn.Conv2d(in_channels, width, 3, padding=1)
        self.down, inputs = nn.ModuleList(), width
        for level, outputs in enumerate(channels):
            down = Level(inputs, outputs, res_blocks, level in attention)
            last = level == len(channels) - 1
            down.downsample = nn.Identity() if last else Downsample(outputs)
            self.down.append(down)
            inputs = outputs
        self.mid = Middle(inputs, mid_attention)
        self.norm_out = GroupNorm(inputs)
        self.conv_out = nn.Conv2d(inputs, z_channels, 3, padding=1)
        self.quant_conv = nn.Conv2d(z_channels, code_dim, 1)

    @property
    def in_channels(self) -> int:
        """C of the images."""
        return self.conv_in.in_channels

    def forward(self, x: Tensor) -> Tensor:
        check_images(x, self.in_channels, self.stride)
        h = self.conv_in(x)
        for level in self.down:
            h = level.downsample(level(h))
        h = self.mid(h)
        return self.quant_conv(self.conv_out(F.silu(self.norm_out(h))))


class VQGANDecoder(nn.Module):
    """(B, D, h, w) codes -> (B, C, f·h, f·w) images, not squashed. Nearly the encoder's mirror
    image, with one more residual block per level. Arguments as for the encoder: ``up[0]`` is the
    highest resolution, too, and therefore the last to be run."""

    def __init__(
        self,
        out_channels: int,
        code_dim: int = 256,
        width: int = 128,
        *,
        multipliers: Sequence[int] = (1, 1, 2, 2, 4),
        res_blocks: int = 2,
        attention_levels: Sequence[int] = (-1,),
        mid_attention: bool = True,
        z_channels: int | None = None,
    ):
        super().__init__()
        channels, attention = _plan(width, multipliers, res_blocks, attention_levels)
        z_channels = z_channels or code_dim
        self.post_quant_conv = nn.Conv2d(code_dim, z_channels, 1)
        self.conv_in = nn.Conv2d(z_channels, channels[-1], 3, padding=1)
        self.mid = Middle(channels[-1], mid_attention)
        self.up = nn.ModuleList()
        for level, outputs in enumerate(channels):
            inputs = channels[min(level + 1, len(channels) - 1)]  # from the next lower resolution
            up = Level(inputs, outputs, res_blocks + 1, level in attention)
            up.upsample = Upsample(outputs) if level else nn.Identity()
            self.up.append(up)
        self.norm_out = GroupNorm(channels[0])
        self.conv_out = nn.Conv2d(channels[0], out_channels, 3, padding=1)

    def forward(self, z_q: Tensor) -> Tensor:
        h = self.mid(self.conv_in(self.post_quant_conv(z_q)))
        for level in reversed(self.up):
            h = level.upsample(level(h))
        return self.conv_out(F.silu(self.norm_out(h)))

    @property
    def last_layer(self) -> nn.Parameter:
        """The weight of the last convolution, (C, width, 3, 3)."""
        return self.conv_out.weight


def _plan(
    width: int, multipliers: Sequence[int], res_blocks: int, attention_levels: Sequence[int]
) -> tuple[list[int], set[int]]:
    """The channels of each level, and the levels that have attention, counted from 0."""
    levels = len(multipliers)
    if width < 1 or width % GROUPS:
        raise InputError(f"width must be a multiple of {GROUPS}, GroupNorm's groups; got {width}")
    if not levels or min(multipliers) < 1 or res_blocks < 1:
        raise InputError(
            "multipliers must be one or more numbers >= 1, and res_blocks >= 1; "
            f"got {list(multipliers)} and {res_blocks}"
        )
    if any(not -levels <= level < levels for level in attention_levels):
        raise InputError(
            f"attention_levels must lie in [-{levels}, {levels}): there are {levels} levels; "
            f"got {list(attention_levels)}"
        )
    return [width * m for m in multipliers], {level % levels for level in attention_levels}
