"""Clips through a quantiser, and from their first frames on; the tool that trains their models."""

import importlib.util
from functools import partial
from pathlib import Path

import pytest
import torch

from vqedu import checkpoints, data, priors, video
from vqedu.errors import InputError
from vqedu.objectives import VQVAEObjective


@pytest.fixture(scope="module")
def clips():
    torch.manual_seed(0)
    return torch.rand(5, 1, 4, 8, 8) * 2 - 1


@pytest.fixture(scope="module")
def model(clips):
    torch.manual_seed(0)
    model = video.video_vqvae(num_codes=8, code_dim=4, width=8, stride=(2, 4, 4))
    model(clips)  # places the codes
    return model.eval()


@pytest.fixture(scope="module")
def prior():
    torch.manual_seed(0)
    return priors.Transformer(8, 2, (2, 4), width=8, layers=1, heads=2).eval()


def test_the_autoencoder_of_images_serves_for_clips(model, clips):
    x_hat, q = model(clips)
    assert x_hat.shape == clips.shape
    assert q.indices.shape == (5, 2, 2, 2)
    assert model.bits(q.indices) == 8 * 3
    assert model.reconstruct(clips).abs().max() <= 1
    loss = VQVAEObjective(0.3)(model, (clips, torch.zeros(5)))
    loss.total.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_config_builds_it_again(model):
    config = dict(model.config)
    assert config.pop("builder") == video.video_vqvae.__name__
    video.video_vqvae(**config).load_state_dict(model.state_dict())


def test_tokenize(model, clips):
    tokens = video.tokenize(model, clips, batch_size=2)
    assert torch.equal(tokens, model.tokens(clips).flatten(2))
    assert tokens.shape == (5, 2, 4)


def test_continue_clip_keeps_the_beginning(model, prior, clips):
    labels, start = torch.tensor([0, 1, 0, 1, 1]), clips[:, :, :2]
    torch.manual_seed(1)
    clip = video.continue_clip(model, prior, start, labels)
    assert clip.shape == clips.shape
    torch.testing.assert_close(clip[:, :, :2], model.reconstruct(start))
    again = video.continue_clip(model, prior, start, labels)
    assert not torch.equal(clip[:, :, 2:], again[:, :, 2:])


def test_continue_clip_draws_from_the_prior(model, prior, clips):
    """With the likeliest token at each place nothing is left to chance: by hand, the same."""
    labels, start = torch.zeros(5, dtype=torch.int64), clips[:, :, :2]
    tokens = torch.cat([model.tokens(start).flatten(2), torch.zeros(5, 1, 4).long()], 1)
    with torch.no_grad():
        for j in range(4):
            tokens[:, 1, j] = prior(tokens, labels)[:, :, 1, j].argmax(1)
    expected = model.decode_indices(tokens.unflatten(2, (2, 2)))
    torch.testing.assert_close(video.continue_clip(model, prior, start, labels, top_k=1), expected)


def test_what_cannot_be_continued(model, prior, clips):
    with pytest.raises(InputError, match="2 rows of tokens are given; the prior models 2 in all"):
        video.continue_clip(model, prior, clips, torch.zeros(5).long())
    with pytest.raises(InputError, match="multiples of"):
        video.continue_clip(model, prior, clips[:, :, :3], torch.zeros(5).long())


def test_the_tool_trains_and_saves(tmp_path, monkeypatch, capsys):
    file = Path(__file__).parent.parent / "tools" / "train_video.py"
    spec = importlib.util.spec_from_file_location("train_video", file)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(data, "load", partial(data.load, limit=60))
    monkeypatch.setattr(tool, "STEPS", {"vqvae": 2, "transformer": 3})
    monkeypatch.setattr("sys.argv", ["train_video.py", "--out", str(tmp_path / "new")])
    tool.main()
    assert len(capsys.readouterr().out.splitlines()) == 4
    for name, stride in tool.TOKENIZERS.items():
        tokenizer = checkpoints.load(tmp_path / "new" / f"{name}.safetensors")
        assert tuple(tokenizer.config["stride"]) == stride
        shipped = checkpoints.load(name)
        assert shipped.config == tokenizer.config
        assert (shipped.notes["steps"], tokenizer.notes["steps"]) == (1000, 2)
    for name, source in tool.PRIORS.items():
        prior = checkpoints.load(tmp_path / "new" / f"{name}.safetensors")
        assert prior.config == checkpoints.load(name).config
        tokenizer = checkpoints.load(tmp_path / "new" / f"{source}.safetensors")
        assert prior.notes["tokenizer"] == checkpoints.fingerprint(tokenizer)
