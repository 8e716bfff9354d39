"""A file comes back as the same model, or says what is wrong with it; writing never half-writes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import TensorDataset

from vqedu import checkpoints
from vqedu.autoencoders import vqvae
from vqedu.checkpoints import fingerprint, load, save
from vqedu.errors import CheckpointError
from vqedu.objectives import VQVAEObjective
from vqedu.priors import GatedPixelCNN
from vqedu.training import fit


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def autoencoder(quantizer="ema", **options):
    return vqvae(num_codes=8, code_dim=4, width=8, quantizer=quantizer, **options)


def rewrite(path, change_header=None, change_state=None):
    """Take a checkpoint apart, change it, and put it together again."""
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if change_header:
        change_header(header)
    if change_state:
        change_state(state)
    save_file(state, path, metadata=header)


# --- there and back -----------------------------------------------------------------------------


@pytest.mark.parametrize("quantizer", ["ema", "vq"])
def test_autoencoder_round_trip(quantizer, path):
    model, x = autoencoder(quantizer, beta=0.5, revive_after=9), torch.rand(3, 1, 8, 8) * 2 - 1
    for _ in range(3):
        model(x)  # k-means, averages, counters
    save(model, path, steps=3, data="fashion", scores={"psnr": 24.5})
    other = load(path)
    assert not other.training
    assert other.notes == {"steps": 3, "data": "fashion", "scores": {"psnr": 24.5}}
    assert other.config == model.config
    assert (other.quantizer.beta, other.quantizer.revive_after) == (0.5, 9)
    state = other.state_dict()
    assert state.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(state[name], value), name
        assert state[name].dtype == value.dtype, name
    model.eval()
    assert torch.equal(other.reconstruct(x), model.reconstruct(x))
    assert torch.equal(other.encode(x).indices, model.encode(x).indices)
    model.train()(x)
    other.train()(x)  # the next training step is the same, too
    assert torch.equal(other.quantizer.codebook, model.quantizer.codebook)


def test_prior_round_trip(path):
    model = GatedPixelCNN(8, 3, (2, 4), width=8, layers=2, dropout=0.3)
    save(model, path)
    other = load(path)
    assert other.notes == {}
    assert other.grid == (2, 4)
    indices, labels = torch.randint(8, (2, 2, 4)), torch.tensor([0, 2])
    assert torch.equal(other(indices, labels), model.eval()(indices, labels))
    one, two = (
        m.sample(labels, generator=torch.Generator().manual_seed(0)) for m in (model, other)
    )
    assert torch.equal(one, two)


def test_after_training(path):
    """fit keeps weights channels-last; the file does not know, and the images are the same."""
    model = autoencoder()
    x = torch.rand(16, 1, 8, 8) * 2 - 1
    fit(
        model,
        VQVAEObjective(0.3),
        TensorDataset(x, torch.zeros(16)),
        steps=3,
        batch_size=8,
        device="cpu",
        progress=False,
    )
    save(model, path)
    other = load(path)
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
    torch.testing.assert_close(other.reconstruct(x), model.reconstruct(x), rtol=0, atol=1e-5)


def test_path_may_be_a_string_and_is_replaced(path):
    save(autoencoder(), str(path), which=1)
    save(autoencoder(), str(path), which=2)
    assert load(str(path)).notes == {"which": 2}
    assert os.listdir(path.parent) == [path.name]


def test_weights_alone_can_be_read_by_others(path):
    model = autoencoder()
    save(model, path)
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == set(model.state_dict())
        assert json.loads(file.metadata()["config"])["num_codes"] == 8


# --- files that cannot be used ------------------------------------------------------------------


def refused(path, *words):
    """Loading raises a CheckpointError that names the file and holds the words."""
    with pytest.raises(CheckpointError) as caught:
        load(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_missing(path):
    refused(path, "no checkpoint at")
    refused(path.parent, "no checkpoint at")  # a folder is none either


@pytest.mark.parametrize("share", [0, 0.001, 0.05, 0.5, 0.9, 0.999])
def test_cut_short(path, share):
    save(autoencoder(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, "damaged or not a safetensors file")


def test_last_byte_missing(path):
    save(autoencoder(), path)
    path.write_bytes(path.read_bytes()[:-1])
    refused(path, "damaged")


@pytest.mark.parametrize("content", [b"x" * 500, b"\x89PNG\r\n\x1a\n" + bytes(200), bytes(64)])
def test_another_kind_of_file(path, content):
    path.write_bytes(content)
    refused(path, "damaged or not a safetensors file")


def test_damaged_start(path):
    save(autoencoder(), path)
    whole = bytearray(path.read_bytes())
    whole[8:40] = bytes(32)
    path.write_bytes(whole)
    refused(path, "damaged")


@pytest.mark.parametrize("header", [None, {"format": "pt"}])
def test_somebody_elses_safetensors(path, header):
    save_file({"weight": torch.zeros(3)}, path, metadata=header)
    refused(path, "was not written by vqedu.checkpoints.save", "vqedu-1")


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.pop("config"),
        lambda header: header.pop("notes"),
        lambda header: header.update(config="{"),
        lambda header: header.update(config="[]"),
        lambda header: header.update(config="{}"),
    ],
)
def test_damaged_header(path, change):
    save(autoencoder(), path)
    rewrite(path, change_header=change)
    refused(path, "header cannot be read")


def test_model_of_a_later_version(path):
    save(autoencoder(), path)
    rewrite(path, lambda header: header.update(config='{"builder": "vqgan3"}'))
    refused(path, "does not know", "vqgan3", "upgrade vqedu")


@pytest.mark.parametrize(
    "change",
    [{"num_codes": 9}, {"width": 16}, {"quantizer": "vq"}, {"num_codes": 0}, {"colour": "blue"}],
)
def test_weights_that_do_not_fit(path, change):
    model = autoencoder()
    model.config |= change
    save(model, path)
    refused(path, "do not fit")


def test_missing_weight(path):
    save(autoencoder(), path)
    rewrite(path, change_state=lambda state: state.pop("decoder.0.bias"))
    refused(path, "do not fit", "decoder.0.bias")


def test_altered_weight(path):
    save(autoencoder(), path)
    rewrite(path, change_state=lambda state: state["decoder.0.bias"].add_(1))
    refused(path, "damaged", "not those that were saved")


def test_fingerprint_depends_on_values_and_names_only():
    model = autoencoder()
    before = fingerprint(model)
    assert len(before) == 64
    model.to(memory_format=torch.channels_last)
    assert fingerprint(model) == before
    model.decoder[0].bias.data[0] += 1
    assert fingerprint(model) != before


# --- writing ------------------------------------------------------------------------------------


def full_disk(*arguments, **options):
    raise OSError(28, "No space left on device")


def interrupted(*arguments, **options):
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["os.replace", "save_file"])
@pytest.mark.parametrize("what", [full_disk, interrupted])
def test_an_interrupted_write_leaves_the_old_file(path, monkeypatch, where, what):
    save(autoencoder(), path, which="old")
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        if where == "os.replace":
            patch.setattr(os, "replace", what)
        else:
            patch.setattr(checkpoints, "save_file", what)
        with pytest.raises(CheckpointError if what is full_disk else KeyboardInterrupt) as caught:
            save(autoencoder(), path, which="new")
    if what is full_disk:
        assert str(path) in str(caught.value)
        assert "No space left" in str(caught.value)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]  # and no draft
    assert load(path).notes == {"which": "old"}


def test_write_cut_in_the_middle(path, monkeypatch):
    """The power goes when half of the file is on the disk."""
    save(autoencoder(), path)
    old = path.read_bytes()

    def half(state, draft, metadata):
        with open(draft, "wb") as file:
            file.write(old[: len(old) // 2])
        full_disk()

    monkeypatch.setattr(checkpoints, "save_file", half)
    with pytest.raises(CheckpointError, match="cannot write"):
        save(autoencoder(), path)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]


def test_no_such_folder(tmp_path):
    path = tmp_path / "not" / "there.safetensors"
    with pytest.raises(CheckpointError, match=r"cannot write .*there\.safetensors: No such file"):
        save(autoencoder(), path)


def test_folder_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"cannot write .*Not a directory"):
        save(autoencoder(), tmp_path / "file" / "model.safetensors")


def test_place_taken_by_a_folder(path):
    path.mkdir()
    with pytest.raises(CheckpointError, match="cannot write"):
        save(autoencoder(), path)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CheckpointError, match=r"cannot write .*Permission denied"):
            save(autoencoder(), tmp_path / "model.safetensors")
    finally:
        tmp_path.chmod(0o700)


def test_folder_refuses(path, monkeypatch):
    """The same for whoever runs the tests as root."""

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(CheckpointError, match=r"cannot write .*model\.safetensors: Permission"):
        save(autoencoder(), path)


@pytest.mark.skipif(os.name == "nt", reason="other permissions there")
def test_others_may_read_what_the_umask_allows(path):
    old = os.umask(0o022)
    try:
        save(autoencoder(), path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o644


def test_model_without_config(path):
    with pytest.raises(CheckpointError, match="Linear has no config; build it with vqvae"):
        save(nn.Linear(2, 2), path)
    assert not path.exists()


@pytest.mark.parametrize("loss", [torch.tensor(1.0), object(), {"mean": [np.float32(1)]}])
def test_notes_that_json_cannot_hold(path, loss):
    words = r"cannot write .*: loss must fit JSON: Object of type \w+ is not JSON serializable"
    with pytest.raises(CheckpointError, match=words):
        save(autoencoder(), path, steps=3, loss=loss)
    assert not os.listdir(path.parent)


def test_config_that_json_cannot_hold(path):
    model = autoencoder()
    model.config["beta"] = torch.tensor(0.25)
    with pytest.raises(CheckpointError, match="config must fit JSON"):
        save(model, path, config=1)
    assert not os.listdir(path.parent)
