"""The speech VQ-VAE: shapes, what tells the decoder who speaks, and what a probe can read."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset

from vqedu import data, speech, training
from vqedu.backbones.sequence import SequenceDecoder, SequenceEncoder, SequenceResidualBlock
from vqedu.errors import InputError
from vqedu.objectives import VQVAEObjective


@pytest.fixture
def model():
    torch.manual_seed(0)
    return speech.speech_vqvae(3, num_codes=8, code_dim=4, width=16, kmeans_init=False).eval()


@pytest.fixture
def mel():
    return torch.rand(5, 64, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_encoder_and_decoder():
    encoder, decoder = SequenceEncoder(64, 4, 16), SequenceDecoder(64, 4, 16)
    z_e = encoder(torch.zeros(2, 64, 24))
    assert z_e.shape == (2, 4, 6)
    assert decoder(z_e).shape == (2, 64, 24)
    assert encoder.stride == 4


def test_a_token_sees_its_neighbourhood_only():
    encoder = SequenceEncoder(64, 4, 16)
    x = torch.zeros(1, 64, 80, requires_grad=True)
    encoder(x)[0, :, 10].sum().backward()
    seen = x.grad[0].abs().sum(0).nonzero().flatten()
    assert seen.min() <= 40 <= 43 <= seen.max()
    assert seen.max() - seen.min() < 40


def test_the_skip_connection_keeps_its_input():
    block = SequenceResidualBlock(4, 2)
    x = -torch.ones(1, 4, 5)  # a ReLU in place would make it 0
    for parameter in block.parameters():
        parameter.data.zero_()
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("shape", [(64, 24), (1, 40, 24), (1, 64, 23), (0, 64, 24)])
def test_bad_frames(model, shape):
    with pytest.raises(InputError, match=r"the encoder needs \(B, 64, T\)"):
        model.codes(torch.zeros(shape))
    with pytest.raises(InputError, match="floating-point"):
        model.codes(torch.zeros(1, 64, 24, dtype=torch.int64))


def test_shapes(model, mel):
    speaker = torch.tensor([0, 1, 2, 0, 1])
    x_hat, q = model(mel, speaker)
    assert x_hat.shape == mel.shape
    assert q.indices.shape == (5, 6)
    assert q.z_q.shape == (5, 4, 6)
    assert model.config["builder"] == "speech_vqvae"
    sizes = {k: v for k, v in model.config.items() if k != "builder"}
    again = speech.speech_vqvae(**sizes)
    again.load_state_dict(model.state_dict())


def test_the_encoder_is_not_told_who_speaks_and_the_decoder_is(model, mel):
    codes = model.codes(mel)
    assert torch.equal(codes.indices, model.encode(mel).indices)
    first, second = model.convert(mel, 0), model.convert(mel, 1)
    assert not torch.allclose(first, second)
    each = model.convert(mel, torch.tensor([0, 1, 0, 1, 0]))
    torch.testing.assert_close(each[::2], first[::2])
    torch.testing.assert_close(each[1::2], second[1::2])
    expected = model.decode(codes.z_q, torch.zeros(5, dtype=torch.int64)).clamp(-1, 1)
    torch.testing.assert_close(first, expected)
    assert not first.requires_grad


def test_converting_learns_nothing(model, mel):
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.train().convert(mel, 2)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("speaker", [-1, 3])
def test_no_such_speaker(model, mel, speaker):
    with pytest.raises(InputError, match=rf"speakers must lie in \[0, 3\); got {speaker}"):
        model.convert(mel, speaker)


def test_unknown_quantizer():
    with pytest.raises(InputError, match="unknown quantizer 'no'"):
        speech.speech_vqvae(2, quantizer="no")


def test_the_objective_is_vqvaes(model, mel):
    speaker = torch.tensor([0, 1, 2, 0, 1])
    loss = speech.SpeechObjective(0.3)(model, (mel, speaker))
    x_hat, q = model(mel, speaker)
    torch.testing.assert_close(loss.total, F.mse_loss(x_hat, mel) / 0.3 + q.loss)

    def told(x):
        return model(x, speaker)

    told.quantizer = model.quantizer
    images = VQVAEObjective(0.3)(told, mel)
    torch.testing.assert_close(loss.total, images.total)
    assert loss.terms.keys() == images.terms.keys()
    with pytest.raises(InputError, match="data_variance"):
        speech.SpeechObjective(0.0)


def test_it_learns_with_fit():
    """Two speakers of one pattern: what tells them apart comes from the decoder's side."""
    training.seed_everything(0)
    pattern = torch.rand(1, 64, 16)
    speaker = torch.arange(32) % 2
    x = pattern * (0.6 * speaker[:, None, None] - 0.3)
    model = speech.speech_vqvae(2, num_codes=2, code_dim=4, width=16)
    objective = speech.SpeechObjective(x.var().item())
    data = TensorDataset(x, speaker)
    history = training.fit(
        model, objective, data, steps=60, batch_size=16, lr=5e-3, progress=False, device="cpu"
    )
    assert history.recent("reconstruction", 5) < 0.2 * history["reconstruction"][0]
    other = model.convert(x, 1 - speaker)
    assert (other + x).abs().mean() < 0.5 * (other - x).abs().mean()  # the other one's sign


def test_a_probe_finds_what_is_there_and_nothing_else():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(300) % 3
    features = torch.randn(300, 4, 5, generator=generator) * 10 + 100
    features[:, 1, 2] += 40 * (labels == 1)
    features[:, 3, 0] -= 40 * (labels == 2)
    probe = speech.Probe(features[:200], labels[:200])
    assert probe.accuracy(features[200:], labels[200:]) > 0.9
    assert probe(features[:7]).shape == (7, 3)
    assert not any(p.requires_grad for p in probe.parameters())
    shuffled = labels[torch.randperm(300, generator=generator)]
    blind = speech.Probe(features[:200], shuffled[:200])
    assert blind.accuracy(features[200:], shuffled[200:]) < 0.55


def test_a_probe_of_numbers_that_never_change():
    probe = speech.Probe(torch.ones(20, 3), torch.arange(20) % 2)
    assert torch.isfinite(probe(torch.ones(2, 3))).all()


def test_measure_of_a_model_that_knows_nothing():
    model = speech.speech_vqvae(8, num_codes=4, code_dim=4, width=16, kmeans_init=False).eval()
    found = speech.measure(model, data.load("digits", limit=200), data.load("digits", "test"))
    assert found["bits_per_sound"] == 12 * 2
    assert 0 < found["codes_used"] <= 1
    assert found["digit_heard"] < 0.3
    assert found["voice_heard"] < 0.4
