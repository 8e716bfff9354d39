"""The numbers of a report, against formulas and against scikit-image, image by image."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.utils.data import TensorDataset

from vqedu.autoencoders import vqvae
from vqedu.checkpoints import fingerprint
from vqedu.data import ImageSet
from vqedu.errors import InputError
from vqedu.inference import device_of
from vqedu.metrics import (
    CodeUsage,
    Distance,
    Evaluator,
    Report,
    code_usage,
    evaluate,
    frechet_distance,
    sharpness,
    tokenize,
)
from vqedu.metrics import report as report_module
from vqedu.perceptual import FeatureDistance, FeatureNet


@pytest.fixture(scope="module")
def data():
    """Eleven smooth images of 16×24 pixels, of different contrast."""
    torch.manual_seed(0)
    coarse = torch.rand(11, 1, 4, 6) * torch.linspace(0.2, 1, 11)[:, None, None, None]
    x = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
    return ImageSet((x * 255).byte(), torch.zeros(11, dtype=torch.int64), ("one",), "made", "test")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = vqvae(num_codes=16, code_dim=4, width=16, kmeans_init=False)
    model.quantizer.codebook.normal_(0, 0.1)
    torch.nn.init.constant_(model.decoder[-1].bias, -0.7)
    model.decoder[-1].weight.data.mul_(8)  # some pixels leave [-1, 1]: clamping must count
    return model.eval()


def ssim_map(a, b):
    """Wang et al. 2004, Eq. 13, at every pixel of two images in [0, 1]."""

    def blur(x):
        return gaussian_filter(x.astype(float), 1.5, truncate=3.5, mode="mirror")

    mean_a, mean_b = blur(a), blur(b)
    variances = blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance * (2 * covariance + c2) / (variances + c2)


def test_the_formula_above_is_scikit_images():
    """Away from the border, which either continues in its own way."""
    random = np.random.default_rng(0)
    a, b = random.random((2, 20, 30))
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    _, theirs = structural_similarity(a, b, data_range=1, full=True, **gaussian)
    np.testing.assert_allclose(ssim_map(a, b)[6:-6, 6:-6], theirs[6:-6, 6:-6], atol=1e-9)


def test_report(model, data):
    report = evaluate(model, data)
    x = data.tensor()
    assert (model(x)[0].abs() > 1).any()
    x_hat = model.reconstruct(x)
    pairs = list(zip(x[:, 0].numpy(), x_hat[:, 0].numpy(), strict=True))
    psnr = [10 * math.log10(4 / ((a - b) ** 2).mean()) for a, b in pairs]
    assert max(psnr) - min(psnr) > 1  # else the mean over images would not differ from a pool
    assert report.psnr == pytest.approx(np.mean(psnr), abs=1e-3)
    assert report.psnr == pytest.approx(
        np.mean([peak_signal_noise_ratio(a, b, data_range=2) for a, b in pairs]), abs=1e-3
    )
    ssim = [ssim_map((a + 1) / 2, (b + 1) / 2).mean() for a, b in pairs]
    assert max(ssim) - min(ssim) > 0.01
    assert report.ssim == pytest.approx(np.mean(ssim), abs=1e-4)
    assert report.images == 11
    assert report.bits_per_image == 4 * 6 * 4
    assert report.bits_per_pixel == pytest.approx(4 * 6 * 4 / (16 * 24))
    indices = model.encode(x).indices
    assert torch.equal(report.usage.counts, indices.flatten().bincount(minlength=16))


def test_batch_size_does_not_matter(model, data):
    reports = [evaluate(model, data, batch_size) for batch_size in (1, 4, 11, 250)]
    for report in reports[1:]:
        assert report.psnr == pytest.approx(reports[0].psnr, abs=1e-4)
        assert report.ssim == pytest.approx(reports[0].ssim, abs=1e-5)
        assert torch.equal(report.usage.counts, reports[0].usage.counts)
        assert report.images == 11


def test_tokens_are_in_the_order_of_the_data(model, data):
    indices = tokenize(model, data, batch_size=4)
    assert indices.shape == (11, 4, 6)
    assert indices.dtype == torch.int64
    for i in (0, 3, 4, 10):
        assert torch.equal(indices[i], model.encode(data[i][0][None]).indices[0])
    assert torch.equal(tokenize(model, data, batch_size=11), indices)


def test_images_without_labels(model, data):
    """A tensor, or a data set of bare images, instead of pairs."""
    expected, indices = evaluate(model, data, 4), tokenize(model, data)
    for bare in (data.tensor(), list(data.tensor())):
        assert str(evaluate(model, bare, 4)) == str(expected)
        assert torch.equal(tokenize(model, bare), indices)


@pytest.mark.parametrize(
    "bad",
    [
        torch.zeros(3, 16, 24),
        [{"image": torch.zeros(1, 16, 24)}],
        TensorDataset(torch.zeros(3, 384), torch.zeros(3)),
    ],
)
def test_data_of_another_kind(model, bad):
    for measure in (evaluate, tokenize):
        with pytest.raises(InputError, match=r"must yield images \(C, H, W\).*; got (shape|dict)"):
            measure(model, bad)
    with pytest.raises(InputError, match=r"must yield images \(C, H, W\)"):
        frechet_distance(bad, bad, Evaluator(feature_net("none"), in_channels=1, name="a net"))


def test_no_data(model):
    for measure in (evaluate, tokenize):
        with pytest.raises(InputError, match="without images cannot be measured"):
            measure(model, torch.zeros(0, 1, 16, 24))


def test_measuring_leaves_the_model_as_it_was(data):
    model = vqvae(num_codes=8, code_dim=4, width=8).train()  # k-means is still to come
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tokenize(model, data)
    evaluate(model, data)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    model.eval()
    evaluate(model, data)
    assert not model.training


def test_report_in_words():
    usage = CodeUsage(torch.zeros(512), used=0.98, perplexity=301.4, entropy=8.2)
    assert str(Report(2000, 24.346, 0.8912, usage, 441.0, 0.5625, 1.034)) == (
        "2000 images: PSNR 24.35 dB, SSIM 0.891, sharpness 1.03, "
        "codes used 98% (perplexity 301 of 512), 441 bits an image (0.562 a pixel)"
    )


def test_report_in_words_with_all_that_can_be_asked_for():
    usage = CodeUsage(torch.zeros(512), used=0.98, perplexity=301.4, entropy=8.2)
    report = Report(
        *(2000, 24.346, 0.8912, usage, 441.0, 0.5625, 0.6149),
        perceptual=Distance(0.12345, "one"),
        frechet=Distance(1234.5, "two"),
    )
    assert str(report) == (
        "2000 images: PSNR 24.35 dB, SSIM 0.891, sharpness 0.61, "
        "perceptual distance 0.1235 (one), Fréchet distance 1234 (two), "
        "codes used 98% (perplexity 301 of 512), 441 bits an image (0.562 a pixel)"
    )


# --- what is measured when asked ----------------------------------------------------------------


def feature_net(purpose, seed=3):
    torch.manual_seed(seed)
    network = FeatureNet(1, 10, widths=(4, 6))
    network.notes = {"purpose": purpose}
    return network.eval()


def feature_distance(purpose="evaluation", name="some net"):
    return FeatureDistance(feature_net(purpose), in_channels=1, name=name)


def test_nothing_more_than_asked(model, data):
    report = evaluate(model, data)
    assert report.perceptual is None
    assert report.frechet is None


def test_perceptual_distance_is_the_mean_over_images(model, data):
    distance, x = feature_distance(), data.tensor()
    expected = [distance(model.reconstruct(a[None]), a[None]).item() for a in x]
    assert max(expected) > 1.2 * min(expected)  # a mean of batches' means would differ
    for batch_size in (4, 11):
        report = evaluate(model, data, batch_size, perceptual=distance)
        assert report.perceptual.value == pytest.approx(sum(expected) / 11, rel=1e-4)
        assert report.perceptual.network == "some net"


def test_distance_of_reconstructions_to_originals(model, data):
    evaluator, x = Evaluator(feature_net("evaluation"), in_channels=1, name="a net"), data.tensor()
    report = evaluate(model, data, batch_size=4, evaluator=evaluator)
    expected = frechet_distance(x, model.reconstruct(x), evaluator)
    assert report.frechet.value == pytest.approx(expected.value, rel=1e-4)
    assert report.frechet.network == "a net"
    assert report.frechet.value > 1e-6


def test_sharpness_of_the_whole_set(model, data):
    expected = sharpness(model.reconstruct(data.tensor()), data.tensor())
    assert evaluate(model, data, batch_size=4).sharpness == pytest.approx(expected, rel=1e-4)


def test_what_was_a_loss_does_not_measure(model, data):
    with pytest.raises(InputError, match="some net cannot measure, because it serves as a loss"):
        evaluate(model, data, perceptual=feature_distance("loss"))
    model.notes = {"perceptual": "some net"}
    try:
        with pytest.raises(InputError, match=r"some net .* because this model was trained on it"):
            evaluate(model, data, perceptual=feature_distance())
        evaluator = Evaluator(feature_net("evaluation"), in_channels=1, name="some net")
        with pytest.raises(InputError, match=r"some net .* because this model was trained on it"):
            evaluate(model, data, evaluator=evaluator)
        other = feature_distance(name="another")
        assert evaluate(model, data, perceptual=other).perceptual.network == "another"
    finally:
        del model.notes


def test_the_same_weights_by_another_name_do_not_measure(model, data):
    distance = feature_distance(name="copied/net.safetensors")
    judge = Evaluator(feature_net("evaluation"), in_channels=1, name="copied/net.safetensors")
    model.notes = {"perceptual": "net", "perceptual_fingerprint": fingerprint(distance.network)}
    try:
        for offered in ({"perceptual": distance}, {"evaluator": judge}):
            with pytest.raises(InputError, match=r"copied/net.* this model was trained on it"):
                evaluate(model, data, **offered)
        fresh = Evaluator(feature_net("evaluation", seed=4), in_channels=1, name="fresh")
        assert evaluate(model, data, evaluator=fresh).frechet.network == "fresh"
    finally:
        del model.notes


class Moved(Evaluator):
    """Notes where it is sent."""

    where = None

    def to(self, device):
        self.where = device
        return super().to(device)


def test_evaluator_loaded_by_name_goes_to_the_models_device(model, data, monkeypatch):
    judge = Moved(feature_net("evaluation"), in_channels=1, name="a net")
    evaluate(model, data, evaluator=judge)
    assert judge.where is None  # the caller's own stays
    monkeypatch.setattr(report_module, "load_evaluator", lambda name: judge)
    evaluate(model, data, evaluator="a net")
    assert judge.where == device_of(model)


def test_perceptual_by_name_is_refused(model, data):
    with pytest.raises(InputError, match=r"perceptual must be a .*FeatureDistance; got a str"):
        evaluate(model, data, perceptual="lpips-vgg")


def test_residual_levels_are_counted_together(data):
    torch.manual_seed(0)
    model = vqvae(num_codes=16, code_dim=4, width=8, quantizer="residual", num_quantizers=2)
    model.train()(data.tensor())  # k-means places the codes
    report, indices = evaluate(model, data), tokenize(model, data)
    assert indices.shape == (11, 4, 6, 2)
    assert report.bits_per_image == 4 * 6 * 2 * 4
    assert report.bits_per_pixel == 4 * 6 * 2 * 4 / (16 * 24)
    assert report.usage.counts.tolist() == [(indices == code).sum() for code in range(16)]


# --- usage of the codes -------------------------------------------------------------------------


def test_all_codes_alike():
    usage = code_usage(torch.arange(32).repeat(5).view(4, 8, 5), 32)
    assert usage.used == 1
    assert usage.perplexity == pytest.approx(32)
    assert usage.entropy == pytest.approx(5)
    assert usage.counts.tolist() == [5] * 32


def test_a_single_code():
    usage = code_usage(torch.full((3, 7), 4), 10)
    assert usage.used == pytest.approx(0.1)
    assert usage.perplexity == pytest.approx(1)
    assert usage.entropy == pytest.approx(0)
    assert usage.counts[4] == 21


def test_entropy_by_hand():
    usage = code_usage(torch.tensor([0, 0, 1, 2]), 4)  # shares 1/2, 1/4, 1/4
    assert usage.entropy == pytest.approx(1.5)
    assert usage.perplexity == pytest.approx(2**1.5)
    assert usage.used == 0.75


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_usage_hangs_together(k, numbers):
    indices = torch.tensor([n % k for n in numbers])
    usage = code_usage(indices, k)
    assert usage.counts.sum() == len(numbers)
    assert usage.used == pytest.approx(indices.unique().numel() / k)
    assert usage.perplexity == pytest.approx(2**usage.entropy)
    assert 1 - 1e-9 <= usage.perplexity <= usage.used * k * (1 + 1e-9)


@pytest.mark.parametrize("indices", [[], [0, 4], [-1, 2]])
def test_bad_indices(indices):
    with pytest.raises(InputError, match=r"at least one index, all in \[0, 4\)"):
        code_usage(torch.tensor(indices, dtype=torch.int64), 4)


def test_images_smaller_than_the_window_of_ssim():
    model = vqvae(num_codes=4, code_dim=4, width=8)
    tiny = TensorDataset(torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(InputError, match="11×11 or more"):
        evaluate(model, tiny)
