"""The network of the VQGAN paper, against the same written out from its weights alone."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vqedu.backbones import AttentionBlock, VQGANDecoder, VQGANEncoder
from vqedu.backbones.vqgan import Downsample, ResnetBlock, Upsample
from vqedu.errors import InputError

TINY = {"width": 32, "multipliers": (1, 1, 2), "res_blocks": 1}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def randomised(module):
    """In float64, with norms and biases that do something."""
    for parameter in module.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, std=0.5)
    return module.double()


def noise(*shape):
    return torch.randn(*shape, dtype=torch.float64)


# --- written out ---------------------------------------------------------------------------------


class Written:
    """The forward passes as functions of a state dict, told by the names in it."""

    def __init__(self, module):
        self.w = module.state_dict()

    def conv(self, name, x, **options):
        return F.conv2d(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"], **options)

    def norm(self, name, x):
        b, c, h, w = x.shape
        groups = x.reshape(b, 32, -1)
        mean = groups.mean(2, keepdim=True)
        variance = (groups - mean).square().mean(2, keepdim=True)
        x = ((groups - mean) / (variance + 1e-6).sqrt()).reshape(b, c, h, w)
        gain, shift = self.w[f"{name}.weight"], self.w[f"{name}.bias"]
        return x * gain[:, None, None] + shift[:, None, None]

    def swish(self, x):
        return x * torch.sigmoid(x)

    def resnet(self, name, x):
        h = self.conv(f"{name}conv1", self.swish(self.norm(f"{name}norm1", x)), padding=1)
        h = self.conv(f"{name}conv2", self.swish(self.norm(f"{name}norm2", h)), padding=1)
        changes = f"{name}nin_shortcut.weight" in self.w
        return h + (self.conv(f"{name}nin_shortcut", x) if changes else x)

    def attention(self, name, x):
        """Position by position, with the softmax of the paper."""
        h = self.norm(f"{name}norm", x)
        q, k, v = (self.conv(f"{name}{letter}", h).flatten(2) for letter in "qkv")  # (B, C, N)
        out = torch.empty_like(v)
        for i in range(q.shape[2]):
            score = torch.einsum("bc,bcj->bj", q[:, :, i], k) / q.shape[1] ** 0.5
            out[:, :, i] = torch.einsum("bj,bcj->bc", score.softmax(1), v)
        return x + self.conv(f"{name}proj_out", out.view_as(x))

    def level(self, name, x):
        for i in itertools.count():
            if f"{name}block.{i}.conv1.weight" not in self.w:
                return x
            x = self.resnet(f"{name}block.{i}.", x)
            if f"{name}attn.{i}.q.weight" in self.w:
                x = self.attention(f"{name}attn.{i}.", x)

    def middle(self, x):
        x = self.resnet("mid.block_1.", x)
        if "mid.attn_1.q.weight" in self.w:
            x = self.attention("mid.attn_1.", x)
        return self.resnet("mid.block_2.", x)

    def out(self, x):
        return self.conv("conv_out", self.swish(self.norm("norm_out", x)), padding=1)

    def encode(self, x, levels):
        x = self.conv("conv_in", x, padding=1)
        for i in range(levels):
            x = self.level(f"down.{i}.", x)
            if i < levels - 1:
                x = self.downsample(f"down.{i}.downsample.conv", x)
        return self.conv("quant_conv", self.out(self.middle(x)))

    def decode(self, z, levels):
        x = self.middle(self.conv("conv_in", self.conv("post_quant_conv", z), padding=1))
        for i in range(levels - 1, -1, -1):
            x = self.level(f"up.{i}.", x)
            if i:
                x = self.upsample(f"up.{i}.upsample.conv", x)
        return self.out(x)

    def downsample(self, name, x):
        b, c, h, w = x.shape
        framed = torch.zeros(b, c, h + 1, w + 1, dtype=x.dtype)
        framed[:, :, :h, :w] = x
        return self.conv(name, framed, stride=2)

    def upsample(self, name, x):
        return self.conv(name, x.repeat_interleave(2, 2).repeat_interleave(2, 3), padding=1)


@pytest.mark.parametrize(
    ("multipliers", "res_blocks", "attention_levels", "mid_attention"),
    [((1, 1, 2), 1, (-1,), True), ((1, 2), 2, (0, 1), True), ((2, 1), 1, (), False)],
)
def test_networks(multipliers, res_blocks, attention_levels, mid_attention):
    options = {
        "width": 32,
        "multipliers": multipliers,
        "res_blocks": res_blocks,
        "attention_levels": attention_levels,
        "mid_attention": mid_attention,
        "z_channels": 6,
    }
    encoder = randomised(VQGANEncoder(2, 5, **options))
    decoder = randomised(VQGANDecoder(2, 5, **options))
    levels = len(multipliers)
    x, z = noise(2, 2, 8, 12), noise(2, 5, 2, 3)
    torch.testing.assert_close(encoder(x), Written(encoder).encode(x, levels))
    torch.testing.assert_close(decoder(z), Written(decoder).decode(z, levels))
    for net, sides in ((encoder, "down"), (decoder, "up")):
        names = list(net.state_dict())
        blocks = [k for k in names if k.startswith(f"{sides}.0.") and k.endswith("norm1.weight")]
        assert len(blocks) == res_blocks + (net is decoder)
        with_attention = {i for i in range(levels) if f"{sides}.{i}.attn.0.q.weight" in names}
        assert with_attention == {i % levels for i in attention_levels}
        assert ("mid.attn_1.q.weight" in names) is mid_attention


def test_attention_block():
    block = randomised(AttentionBlock(64))
    for projection in (block.q, block.k):
        projection.weight.data *= 4  # far from uniform attention
    x = noise(2, 64, 3, 5)
    torch.testing.assert_close(block(x), Written(block).attention("", x))
    block.float()
    torch.testing.assert_close(block(x.float()), Written(block).attention("", x.float()))


def test_attention_reaches_everywhere():
    block, x = randomised(AttentionBlock(32)), noise(1, 32, 4, 6).requires_grad_()
    (gradient,) = torch.autograd.grad(block(x)[0, :, 0, 0].sum(), x)
    assert (gradient.abs().sum(1) > 0).all()


@pytest.mark.parametrize("channels", [(32, 64), (64, 64)])
@pytest.mark.parametrize("scale", [1.0, 1e-3])  # at 1e-3 the ε of the norm is as large as x²
def test_resnet_block(channels, scale):
    block, x = randomised(ResnetBlock(*channels)), scale * noise(2, channels[0], 3, 4)
    before = x.clone()
    torch.testing.assert_close(block(x), Written(block).resnet("", before))
    assert torch.equal(x, before)


def test_resampling():
    down, up, x = randomised(Downsample(3)), randomised(Upsample(3)), noise(2, 3, 6, 4)
    torch.testing.assert_close(down(x), Written(down).downsample("conv", x))
    torch.testing.assert_close(up(x), Written(up).upsample("conv", x))
    assert down(x).shape == (2, 3, 3, 2)
    assert up(x).shape == (2, 3, 12, 8)


# --- shapes, sizes, precision --------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(
    batch=st.integers(1, 2),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 3),
    width=st.integers(2, 3),
    code_dim=st.integers(1, 5),
    multipliers=st.lists(st.integers(1, 2), min_size=1, max_size=3),
    channels_last=st.booleans(),
)
def test_shapes(batch, channels, height, width, code_dim, multipliers, channels_last):
    options = {"width": 32, "multipliers": multipliers, "res_blocks": 1}
    encoder = VQGANEncoder(channels, code_dim, **options).double()
    decoder = VQGANDecoder(channels, code_dim, **options).double()
    stride = 2 ** (len(multipliers) - 1)
    assert encoder.stride == stride
    assert isinstance(encoder.stride, int)
    x = noise(batch, channels, stride * height, stride * width)
    expected = encoder(x)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    encoder, decoder, x = (a.to(memory_format=layout) for a in (encoder, decoder, x))
    z_e = encoder(x)
    assert z_e.shape == (batch, code_dim, height, width)
    assert decoder(z_e).shape == x.shape
    torch.testing.assert_close(z_e, expected)
    torch.testing.assert_close(decoder(z_e), decoder(expected))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_mixed_precision(layout):
    encoder = VQGANEncoder(3, 4, **TINY).to(memory_format=layout)
    decoder = VQGANDecoder(3, 4, **TINY).to(memory_format=layout)
    x = torch.randn(2, 3, 16, 24).to(memory_format=layout)
    z_e = encoder(x)
    x_hat = decoder(z_e)
    with torch.autocast("cpu", torch.bfloat16):
        z_e16, x_hat16 = encoder(x), decoder(z_e)
    for exact, rounded in ((z_e, z_e16), (x_hat, x_hat16)):
        assert rounded.dtype == torch.bfloat16
        assert (rounded - exact).norm() < 0.05 * exact.norm()


@pytest.mark.parametrize("bf16", [False, True])
def test_gradient_reaches_every_weight(bf16):
    encoder, decoder = VQGANEncoder(1, 4, **TINY), VQGANDecoder(1, 4, **TINY)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        x_hat = decoder(encoder(torch.randn(2, 1, 16, 16)))
        x_hat.float().square().mean().backward()
    for net in (encoder, decoder):
        for name, parameter in net.named_parameters():
            if name.endswith(".k.bias"):  # adds the same to all scores of a row: softmax ignores it
                continue
            assert parameter.grad.abs().max() > 0, name


def test_last_layer():
    """The images are linear in it, up to the bias."""
    decoder, z = VQGANDecoder(3, 4, **TINY), torch.randn(2, 4, 2, 2)
    assert isinstance(decoder.last_layer, nn.Parameter)
    nn.init.zeros_(decoder.conv_out.bias)
    before = decoder(z)
    decoder.last_layer.data *= 3
    torch.testing.assert_close(decoder(z), 3 * before)


def test_the_decoders_output_is_not_squashed():
    decoder = VQGANDecoder(1, 4, **TINY)
    nn.init.constant_(decoder.conv_out.bias, 5.0)
    assert decoder(torch.randn(1, 4, 2, 2)).mean() > 2


def test_z_channels_are_those_of_the_codes_unless_given():
    encoder, decoder = VQGANEncoder(1, 7, **TINY), VQGANDecoder(1, 7, **TINY)
    assert encoder.conv_out.out_channels == decoder.conv_in.in_channels == 7


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 1, 6, 8), (2, 1, 8, 6), (1, 8, 8), (0, 1, 8, 8)])
def test_sizes_that_do_not_divide(shape):
    with pytest.raises(InputError, match=r"\(B, C, H, W\) with .*multiples of 4; got "):
        VQGANEncoder(1, 4, **TINY)(torch.zeros(*shape))


def test_images_of_another_kind():
    encoder = VQGANEncoder(3, 4, **TINY)
    with pytest.raises(InputError, match="built for 3 channels; got 1"):
        encoder(torch.zeros(2, 1, 8, 8))
    with pytest.raises(InputError, match=r"floating-point images .*got torch\.uint8"):
        encoder(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("batch", [1, 2])
def test_groups_of_one_number_are_refused(batch):
    """Each would be normalised to 0, and with it the image."""
    with pytest.raises(InputError, match=r"32 channels at 1×1 .*take larger images"):
        VQGANEncoder(1, 4, width=32, multipliers=(1, 1))(torch.zeros(batch, 1, 2, 2))
    with pytest.raises(InputError, match=r"32 channels at 1×1 .*take larger images"):
        VQGANDecoder(1, 4, width=32, multipliers=(1, 1))(torch.zeros(batch, 4, 1, 1))
    wide = VQGANEncoder(1, 4, width=64, multipliers=(1, 1))
    assert wide(torch.zeros(batch, 1, 2, 2)).shape == (batch, 4, 1, 1)


@pytest.mark.parametrize("network", [VQGANEncoder, VQGANDecoder])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 48}, "width must be a multiple of 32, .*got 48"),
        ({"width": 0}, "width must be a multiple of 32, .*got 0"),
        ({"multipliers": ()}, r"multipliers must be .*got \[\] and 1"),
        ({"multipliers": (1, 0)}, r"multipliers must be .*got \[1, 0\] and 1"),
        ({"res_blocks": 0}, r"res_blocks >= 1; got \[1, 1, 2\] and 0"),
        ({"attention_levels": (3,)}, r"\[-3, 3\): there are 3 levels; got \[3\]"),
        ({"attention_levels": (-1, -4)}, r"\[-3, 3\): there are 3 levels; got \[-1, -4\]"),
    ],
)
def test_sizes_that_do_not_fit(network, options, message):
    with pytest.raises(InputError, match=message):
        network(1, 4, **{**TINY, **options})
