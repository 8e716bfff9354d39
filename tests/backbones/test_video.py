"""The network for clips: shapes, and which frame may know of which."""

import pytest
import torch
from torch import nn

from vqedu.backbones.video import ResidualBlock3d, VideoDecoder, VideoEncoder
from vqedu.errors import InputError

STRIDES = [(1, 4, 4), (1, 8, 8), (2, 4, 4), (4, 4, 4), (2, 8, 8), (8, 8, 8)]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def networks(stride, channels=1):
    return VideoEncoder(channels, 5, 8, stride), VideoDecoder(channels, 5, 8, stride)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(stride, channels):
    encoder, decoder = networks(stride, channels)
    x = torch.randn(2, channels, *(n * f for n, f in zip((2, 3, 1), stride, strict=True)))
    z_e = encoder(x)
    assert z_e.shape == (2, 5, 2, 3, 1)
    assert decoder(z_e).shape == x.shape
    assert (encoder.stride, encoder.in_channels) == (stride, channels)


@pytest.mark.parametrize("stride", STRIDES)
def test_no_map_knows_of_later_frames(stride):
    encoder, _ = networks(stride)
    a, b, _ = stride
    x = torch.randn(1, 1, 3 * a, b, b)
    whole = encoder(x)
    for n in (1, 2):
        torch.testing.assert_close(encoder(x[:, :, : n * a]), whole[:, :, :n])
    changed = x.clone()
    changed[:, :, 2 * a - 1] += 1  # the last frame of the second map
    moved = (encoder(changed) != whole).flatten(3).any(3)[0].any(0)
    assert moved.tolist() == [False, True, a > 1]


@pytest.mark.parametrize("stride", STRIDES)
def test_no_frame_knows_of_later_maps(stride):
    _, decoder = networks(stride)
    codes = torch.randn(1, 5, 3, 1, 1)
    whole = decoder(codes)
    for n in (1, 2):
        torch.testing.assert_close(decoder(codes[:, :, :n]), whole[:, :, : n * stride[0]])


def test_without_a_stride_in_time_each_frame_is_alone():
    encoder, decoder = networks((1, 8, 8))
    x, order = torch.randn(2, 1, 6, 8, 16), torch.randperm(6)
    z_e = encoder(x)
    torch.testing.assert_close(encoder(x[:, :, order]), z_e[:, :, order])
    torch.testing.assert_close(decoder(z_e[:, :, order]), decoder(z_e)[:, :, order])
    encoder, _ = networks((2, 8, 8))
    assert not torch.allclose(encoder(x.flip(2)), encoder(x).flip(2))


def test_residual_block():
    block, x = ResidualBlock3d(6, 3, 3), torch.randn(2, 6, 4, 5, 5)
    before = x.clone()
    y = block(x)
    assert y.shape == x.shape
    assert torch.equal(x, before)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(block(x), x)


def test_the_clips_are_linear_in_the_last_layer():
    _, decoder = networks((2, 4, 4))
    z = torch.randn(2, 5, 2, 2, 2)
    nn.init.zeros_(decoder[-1].bias)
    before = decoder(z)
    decoder.last_layer.data *= 3
    torch.testing.assert_close(decoder(z), 3 * before)


@pytest.mark.parametrize("stride", [(0, 4, 4), (3, 4, 4), (4, 2, 2), (8, 4, 4), (4, 4, 8)])
def test_other_strides(stride):
    for network in (VideoEncoder, VideoDecoder):
        with pytest.raises(InputError, match=r"powers of 2 with b at least 4 and a at most b"):
            network(1, 4, 8, stride)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(1, 1, 6, 8, 8),
        torch.zeros(1, 1, 4, 8, 9),
        torch.zeros(1, 1, 8, 8),
        torch.zeros(0, 1, 4, 8, 8),
        torch.zeros(1, 3, 4, 8, 8),
        torch.zeros(1, 1, 4, 8, 8, dtype=torch.uint8),
    ],
)
def test_what_is_no_clip(x):
    with pytest.raises(InputError, match=r"floating-point clips \(B, 1, T, H, W\).*got torch"):
        VideoEncoder(1, 4, 8, (4, 4, 4))(x)


@pytest.mark.parametrize("stride", STRIDES)
def test_what_stands_still_looks_the_same_at_all_times(stride):
    """So that a background keeps its tokens. Zeros before the first frame would be a change."""
    encoder, _ = networks(stride)
    still = torch.randn(1, 1, 1, stride[1], stride[2]).expand(-1, -1, 3 * stride[0], -1, -1)
    z_e = encoder(still)
    torch.testing.assert_close(z_e, z_e[:, :, :1].expand_as(z_e))
