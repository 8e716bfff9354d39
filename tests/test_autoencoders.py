"""The ways through the autoencoder agree with each other, and looking changes nothing."""

import copy
import json
import math

import pytest
import torch

from vqedu.autoencoders import VQAutoencoder, vqgan, vqvae
from vqedu.backbones import VQGANDecoder, VQGANEncoder, VQVAEDecoder, VQVAEEncoder
from vqedu.checkpoints import load, save
from vqedu.errors import InputError
from vqedu.quantizers import BY_NAME, EMAVectorQuantizer, VectorQuantizer

every = pytest.mark.parametrize("name", sorted(BY_NAME))
SMALL = {"num_codes": 16, "code_dim": 4, "width": 32}
TINY_GAN = {**SMALL, "multipliers": (1, 1, 2), "res_blocks": 1}


def small_vqgan(channels=1, **options):
    return vqgan(channels, **TINY_GAN, **options)


def small_vqvae(channels=1, **options):
    return vqvae(channels, **SMALL, **options)


both = pytest.mark.parametrize("build", [small_vqvae, small_vqgan])


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.rand(3, 1, 12, 8) * 2 - 1


@every
@both
def test_the_ways_through_agree(build, name, x):
    model = build(quantizer=name, kmeans_init=False).eval()
    x_hat, q = model(x)
    assert x_hat.shape == x.shape
    assert q.indices.shape[:3] == (3, 3, 2)  # a residual quantiser has a fourth axis, its stages
    encoded = model.encode(x)
    assert torch.equal(encoded.indices, q.indices)
    assert torch.equal(encoded.z_q, q.z_q)
    assert torch.equal(model.decode(q.z_q), x_hat)
    assert torch.equal(model.tokens(x), q.indices)
    # lookup gives the codes themselves, z_q the same after z + (e - z): equal up to rounding
    close = {"rtol": 0, "atol": 1e-4}
    torch.testing.assert_close(model.decode_indices(q.indices), x_hat.clamp(-1, 1), **close)
    assert torch.equal(model.reconstruct(x), x_hat.clamp(-1, 1))
    assert model.decode_indices(q.indices[:1]).shape == (1, 1, 12, 8)


@every
def test_reconstruct_learns_nothing(name, x):
    model = vqvae(quantizer=name, revive_after=1, **SMALL).train()
    model(x)
    before = copy.deepcopy(model.state_dict())
    for training in (True, False):
        model.train(training)
        x_hat = model.reconstruct(x)
        assert model.training is training
        assert model.quantizer.training is training
        assert not x_hat.requires_grad
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


@both
def test_an_error_does_not_leave_the_model_in_eval_mode(build, x):
    model = build().train()
    with pytest.raises(InputError, match="multiples of 4"):
        model.reconstruct(x[..., :7])
    assert model.training


def test_images_are_clamped_where_they_are_shown(x):
    model = vqvae(**SMALL).eval()
    torch.nn.init.constant_(model.decoder[-1].bias, 3.0)
    assert model(x)[0].max() > 1  # not in training: the gradient must not vanish
    assert model.reconstruct(x).max() <= 1
    shown = model.decode_indices(model.encode(x).indices)
    assert shown.max() <= 1
    assert not shown.requires_grad


@every
def test_gradient_reaches_the_encoder_through_the_quantiser(name, x):
    model = vqvae(quantizer=name, **SMALL)
    model(x)[0].square().mean().backward()
    for key, parameter in [*model.encoder.named_parameters(), *model.decoder.named_parameters()]:
        assert parameter.grad.abs().max() > 0, key


def test_bits():
    model = vqvae(num_codes=512, code_dim=4, width=8)
    assert model.bits(torch.zeros(5, 7, 7, dtype=torch.int64)) == 49 * 9
    model = vqvae(num_codes=100, code_dim=4, width=8)
    assert model.bits(torch.zeros(1, 2, 3, dtype=torch.int64)) == 6 * math.log2(100)
    stages = torch.zeros(5, 2, 3, 4, dtype=torch.int64)  # of a residual quantiser
    assert model.bits(stages) == 24 * math.log2(100)


def test_indices_with_stages(x):
    model = small_vqvae(quantizer="residual", num_quantizers=2, kmeans_init=False).eval()
    indices = model.tokens(x)
    assert indices.shape == (3, 3, 2, 2)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(model.decode_indices(indices), model.reconstruct(x), **close)
    assert model.bits(indices) == 3 * 2 * 2 * 4


@pytest.mark.parametrize(
    ("build", "networks"),
    [(small_vqvae, (VQVAEEncoder, VQVAEDecoder)), (small_vqgan, (VQGANEncoder, VQGANDecoder))],
)
def test_the_same_autoencoder_for_both(build, networks, x):
    model = build()
    assert type(model) is VQAutoencoder
    assert (type(model.encoder), type(model.decoder)) == networks
    assert model.encoder(x).shape == (3, 4, 3, 2)
    assert model.decoder(torch.zeros(3, 4, 3, 2)).shape == x.shape
    assert model.stride == 4
    assert model.last_layer is list(model.decoder.parameters())[-2]  # the bias comes after
    assert model.last_layer.ndim == 4


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@both
def test_mixed_precision(build, layout, x):
    model = build(quantizer="vq", kmeans_init=False).to(memory_format=layout)
    with torch.autocast("cpu", torch.bfloat16):
        x_hat, q = model(x.to(memory_format=layout))
    assert x_hat.dtype == q.z_q.dtype == torch.bfloat16
    assert q.loss.dtype == torch.float32
    (x_hat.float().square().mean() + q.loss).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
    assert next(model.encoder.parameters()).grad.any()


def test_builder():
    model = vqvae(3, quantizer="vq", beta=0.5, revive_after=7, **SMALL)
    assert isinstance(model, VQAutoencoder)
    assert isinstance(model.quantizer, VectorQuantizer)
    assert (model.quantizer.beta, model.quantizer.revive_after) == (0.5, 7)
    assert (model.quantizer.num_codes, model.quantizer.code_dim) == (16, 4)
    assert model.reconstruct(torch.zeros(2, 3, 8, 8)).shape == (2, 3, 8, 8)
    config = dict(model.config)
    assert config.pop("builder") == "vqvae"
    assert [p.shape for p in vqvae(**config).parameters()] == [p.shape for p in model.parameters()]
    assert isinstance(vqvae(**SMALL).quantizer, EMAVectorQuantizer)


def test_vqgan_builder():
    options = {"attention_levels": (0, -1), "mid_attention": False, "z_channels": 6}
    model = small_vqgan(3, **options, quantizer="vq", beta=0.5)
    assert isinstance(model.quantizer, VectorQuantizer)
    assert model.quantizer.beta == 0.5
    for network in (model.encoder, model.decoder):
        names = list(network.state_dict())
        assert any(".0.attn.0.q." in name for name in names)
        assert any(".2.attn.0.q." in name for name in names)
        assert not any(".1.attn." in name or "mid.attn" in name for name in names)
    assert model.encoder.quant_conv.in_channels == model.decoder.post_quant_conv.out_channels == 6
    assert model.reconstruct(torch.zeros(2, 3, 8, 8)).shape == (2, 3, 8, 8)


@both
def test_checkpoint(build, x, tmp_path):
    model = build(quantizer="vq", kmeans_init=False, revive_after=3)
    assert model.config == json.loads(json.dumps(model.config))
    save(model, tmp_path / "model.safetensors")
    other = load(tmp_path / "model.safetensors")
    assert other.config == model.config
    assert other.quantizer.revive_after == 3
    assert torch.equal(other.reconstruct(x), model.reconstruct(x))


def test_a_vqgan_of_course_size():
    model = vqgan(1, num_codes=16, code_dim=8, width=32, multipliers=(1, 2, 2))
    assert model.stride == 4
    assert sum(p.numel() for p in model.parameters()) < 1_500_000
    x = torch.rand(2, 1, 28, 28) * 2 - 1
    x_hat, q = model(x)
    assert x_hat.shape == x.shape
    assert q.indices.shape == (2, 7, 7)


def test_defaults_are_the_papers():
    model = vqvae()
    assert model.quantizer.codebook.shape == (512, 64)
    assert model.quantizer.beta == 0.25
    assert model.quantizer.decay == 0.99
    assert model.encoder[2].out_channels == 128


@both
def test_unknown_quantizer(build):
    with pytest.raises(InputError, match=r"unknown quantizer 'fsq2'; have .*vq"):
        build(quantizer="fsq2")


def test_bad_indices_are_refused():
    with pytest.raises(InputError, match=r"\[0, 16\); got 0 to 16"):
        vqvae(**SMALL).decode_indices(torch.tensor([[[0, 16]]]))


def test_tokens_learn_nothing():
    """In training mode ``encode`` moves the codebook; ``tokens`` must not."""
    model, x = vqvae(1, num_codes=8, code_dim=4, width=8).train(), torch.randn(2, 1, 8, 8)
    before = copy.deepcopy(model.state_dict())
    indices = model.tokens(x)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(indices, model.eval().encode(x).indices)
