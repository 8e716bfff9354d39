"""The network of the VQ-VAE paper: shapes, sizes, and what a layer must not do."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vqedu.backbones import ResidualBlock, VQVAEDecoder, VQVAEEncoder
from vqedu.errors import InputError


@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    code_dim=st.integers(1, 9),
)
def test_shapes(batch, channels, height, width, code_dim):
    x = torch.randn(batch, channels, 4 * height, 4 * width)
    z_e = VQVAEEncoder(channels, code_dim, width=8)(x)
    assert z_e.shape == (batch, code_dim, height, width)
    assert VQVAEDecoder(channels, code_dim, width=8)(z_e).shape == x.shape


def conv(inputs, outputs, size):
    return inputs * outputs * size * size + outputs


RESIDUAL = conv(128, 32, 3) + conv(32, 128, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_papers_network(channels):
    encoder, decoder = VQVAEEncoder(channels), VQVAEDecoder(channels)
    count = [sum(p.numel() for p in net.parameters()) for net in (encoder, decoder)]
    assert count[0] == (
        conv(channels, 64, 4)
        + conv(64, 128, 4)
        + conv(128, 128, 3)
        + 2 * RESIDUAL
        + conv(128, 64, 1)
    )
    assert count[1] == (conv(64, 128, 3) + 2 * RESIDUAL + conv(128, 64, 4) + conv(64, channels, 4))
    strides = [m.stride[0] for m in encoder if isinstance(m, nn.Conv2d)]
    assert strides == [2, 2, 1, 1]
    assert encoder.stride == 4
    assert isinstance(encoder.stride, int)


def test_residual_block():
    torch.manual_seed(0)
    block, x = ResidualBlock(6, 3), torch.randn(2, 6, 5, 5)
    before = x.clone()
    y = block(x)
    assert torch.equal(x, before)  # a ReLU in place would cut the skip connection's input
    _, first, _, second = block.block
    expected = before + second(first(before.relu()).relu())
    torch.testing.assert_close(y, expected)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(block(x), x)


def test_no_layer_works_in_place():
    for net in (VQVAEEncoder(1), VQVAEDecoder(1)):
        relus = [m for m in net.modules() if isinstance(m, nn.ReLU)]
        assert len(relus) >= 6
        assert not any(m.inplace for m in relus)


def test_a_token_sees_more_than_its_own_pixels():
    """But not everything: 4×4/2, 4×4/2 and three 3×3 convolutions reach 34 pixels."""
    encoder = VQVAEEncoder(1, 4, width=8).double()
    x = torch.randn(1, 1, 64, 64, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(encoder(x)[0, :, 8, 8].sum(), x)
    rows = gradient[0, 0].abs().sum(1).nonzero()[:, 0]
    assert rows.max() - rows.min() + 1 <= 34
    assert rows.max() - rows.min() + 1 > 20
    assert rows.min() <= 32 <= rows.max()  # around its own place, 8 * 4


def test_the_decoders_output_is_not_squashed():
    decoder = VQVAEDecoder(1, 4, width=8)
    nn.init.constant_(decoder[-1].bias, 5.0)
    assert decoder(torch.randn(1, 4, 2, 2)).mean() > 2


@pytest.mark.parametrize("size", [(6, 8), (8, 6), (27, 28), (1, 1), (0, 4)])
def test_sizes_that_do_not_divide(size):
    with pytest.raises(InputError, match=r"multiples of 4; got \(2, 1, "):
        VQVAEEncoder(1, 4, width=8)(torch.zeros(2, 1, *size))


def test_bad_shapes():
    encoder = VQVAEEncoder(1, 4, width=8)
    with pytest.raises(InputError, match="built for 1 channels; got 3"):
        encoder(torch.zeros(2, 3, 8, 8))
    with pytest.raises(InputError, match=r"\(B, C, H, W\).*got \(1, 8, 8\)"):
        encoder(torch.zeros(1, 8, 8))
    with pytest.raises(InputError, match=r"got \(0, 1, 8, 8\)"):
        encoder(torch.zeros(0, 1, 8, 8))
    with pytest.raises(InputError, match=r"floating-point images .*got torch\.uint8"):
        encoder(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))


def test_last_layer():
    """The images are linear in it, up to the bias."""
    torch.manual_seed(0)
    decoder, z = VQVAEDecoder(3, 4, width=8), torch.randn(2, 4, 2, 2)
    assert isinstance(decoder.last_layer, nn.Parameter)
    nn.init.zeros_(decoder[-1].bias)
    before = decoder(z)
    decoder.last_layer.data *= 3
    torch.testing.assert_close(decoder(z), 3 * before)


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
@pytest.mark.parametrize("stride", [4, 8, 16])
def test_strides(stride, upsampling):
    encoder = VQVAEEncoder(3, 5, width=8, stride=stride)
    decoder = VQVAEDecoder(3, 5, width=8, stride=stride, upsampling=upsampling)
    x = torch.randn(2, 3, 2 * stride, 3 * stride)
    z_e = encoder(x)
    assert z_e.shape == (2, 5, 2, 3)
    assert encoder.stride == stride
    x_hat = decoder(z_e)
    assert x_hat.shape == x.shape
    (gradient,) = torch.autograd.grad(x_hat.sum(), decoder.last_layer)
    assert gradient.abs().sum() > 0
    transposed = [m for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert len(transposed) == {"transposed": stride.bit_length() - 1, "nearest": 0}[upsampling]


@pytest.mark.parametrize("stride", [0, 1, 2, 3, 6, 12, -4])
def test_other_strides(stride):
    with pytest.raises(InputError, match="power of 2, at least 4"):
        VQVAEEncoder(1, stride=stride)


def test_other_upsampling():
    with pytest.raises(InputError, match="transposed or nearest, not 'bicubic'"):
        VQVAEDecoder(1, upsampling="bicubic")


def test_transposed_convolutions_leave_a_checkerboard():
    """From even codes, the pixels inside come out with a period of 2, and not so by 'nearest'."""
    torch.manual_seed(0)
    codes = torch.ones(1, 4, 16, 16)
    spread = {}
    for upsampling in ("transposed", "nearest"):
        decoder = VQVAEDecoder(1, 4, width=16, upsampling=upsampling)
        with torch.no_grad():
            inside = decoder(codes)[0, 0, 30:34, 30:34]
        spread[upsampling] = inside.std().item()
    assert spread["nearest"] < 1e-5 < 1e-3 < spread["transposed"]
