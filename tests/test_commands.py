"""The commands that work with models, run as a user does, with models made here."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqedu import checkpoints, cli, codec, data, quantizers, recipes, states
from vqedu.autoencoders import vqvae
from vqedu.priors import GatedPixelCNN

TINY = ["--steps", "3", "--limit", "64", "--batch-size", "16", "--num-codes", "8"]
TINY += ["--code-dim", "4", "--width", "32", "--device", "cpu"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def vqedu(*words, code=0):
    assert cli.main([str(word) for word in words]) == code


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a small autoencoder for each kind of picture, and a prior."""
    folder = tmp_path_factory.mktemp("trained")
    before = os.getcwd()
    os.chdir(folder)
    try:
        vqedu("train", *TINY)
        vqedu("train", "vqvae", "--data", "photos", *TINY)
        vqedu("train", "pixelcnn", "--tokenizer", "runs/vqvae-fashion/model.safetensors", *TINY)
    finally:
        os.chdir(before)
    paths = {path.parent.name: path for path in folder.glob("runs/*/model.safetensors")}
    assert set(paths) == {"vqvae-fashion", "vqvae-photos", "pixelcnn-fashion"}
    return paths


@pytest.fixture
def photo(here):
    random = np.random.RandomState(0)
    smooth = random.rand(5, 6, 3).repeat(9, 0).repeat(8, 1)  # 45×48
    Image.fromarray((255 * smooth[:43]).astype(np.uint8)).save(here / "photo.png")
    return here / "photo.png"


# --- train ----------------------------------------------------------------


def test_what_a_training_leaves(trained, capsys):
    model = checkpoints.load(trained["vqvae-fashion"])
    assert model.notes["data"] == {"name": "fashion", "limit": 64}
    assert (model.notes["kind"], model.notes["steps"], model.notes["seed"]) == ("vqvae", 3, 0)
    assert sum(model.notes["code_counts"]) == 64 * 49
    state = states.newest_state(trained["vqvae-fashion"].parent / "training")
    assert (state["step"], state["settings"]["betas"]) == (3, (0.9, 0.999))
    prior = checkpoints.load(trained["pixelcnn-fashion"])
    assert prior.notes["tokenizer"] == checkpoints.fingerprint(model)
    assert (prior.grid, prior.num_classes, prior.num_codes) == ((7, 7), 10, 8)


@pytest.mark.parametrize("kind", ["vqgan", "transformer", "maskgit"])
def test_the_other_kinds(kind, trained, capsys):
    tokenizer = ["--tokenizer", trained["vqvae-fashion"]] if kind != "vqgan" else []
    vqedu("train", kind, *tokenizer, *TINY, "--log", "-o", "mine", "--layers", "1")
    out = capsys.readouterr().out
    assert "after 3 steps" in out
    assert f"wrote {Path('mine/model.safetensors')}" in out
    assert [*Path("mine/logs").rglob("events*")]
    model = checkpoints.load("mine/model.safetensors")
    if kind == "vqgan":
        assert states.newest_state("mine/training")["settings"]["betas"] == (0.5, 0.9)
        assert model.notes["perceptual"] in ("features-fashion", "lpips-vgg")
    else:
        assert model.num_codes == 8


def test_a_seed_repeats_a_training():
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        vqedu("train", *TINY, "--seed", seed, "-o", name)
    a, b, c = (checkpoints.fingerprint(checkpoints.load(f"{n}/model.safetensors")) for n in "abc")
    assert a == b != c


def test_resume(capsys):
    vqedu("train", *TINY, "-o", "whole", "--save-every", 1)
    whole = Path("whole/model.safetensors").read_bytes()
    vqedu("train", *TINY, "-o", "whole", code=1)
    assert "already holds a training" in capsys.readouterr().err
    newest = states.states("whole/training")[0]
    newest.unlink()
    vqedu("train", *TINY, "-o", "whole", "--save-every", 1, "--resume")
    again = checkpoints.load("whole/model.safetensors")
    Path("before.safetensors").write_bytes(whole)
    assert checkpoints.fingerprint(again) == checkpoints.fingerprint(
        checkpoints.load("before.safetensors")
    )


def test_resume_with_another_recipe(capsys):
    words = ["vqgan", *TINY, "-o", "one"]
    vqedu("train", *words)
    vqedu("train", *words, "--resume", "--adversarial-weight", "0.7", code=1)
    message = capsys.readouterr().err
    assert "recipe.adversarial_weight=0.7 instead of 0.3" in message


def test_a_prior_over_no_autoencoder(capsys):
    vqedu("train", "pixelcnn", "--tokenizer", "features-fashion", code=1)
    assert "not an autoencoder" in capsys.readouterr().err


def test_ctrl_c_leaves_a_usable_model(here):
    words = [*TINY, "-o", "stopped"]
    words[words.index("--steps") + 1] = "100000"
    process = subprocess.Popen(
        [sys.executable, "-m", "vqedu", "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    seen = ""
    while not re.search(r"[1-9]\d*/100000", seen):  # the progress bar moves
        seen += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "stopped at step" in out
    model = checkpoints.load("stopped/model.safetensors")
    assert model.notes["steps"] >= 1
    vqedu("evaluate", "--model", "stopped/model.safetensors", "--limit", 20)


# --- evaluate, reconstruct, sample ----------------------------------------------------------------


def test_evaluate(trained, capsys):
    model = trained["vqvae-fashion"]
    vqedu("evaluate", "--model", model, "--limit", 200, "--perceptual", "--frechet")
    line = capsys.readouterr().out
    assert re.search(r"200 images: PSNR \d+\.\d+ dB, SSIM", line)
    assert "evaluator-fashion" in line


def test_what_comes_with_the_package(capsys, photo):
    """Every command works without any argument that names a model."""
    vqedu("evaluate", "--limit", 50)
    psnr = float(re.search(r"PSNR (\d+\.\d+)", capsys.readouterr().out).group(1))
    assert psnr > 20
    vqedu("reconstruct")
    assert Image.open("reconstructions.png").size == (8 * 28 + 7 * 4, 56)
    vqedu("sample", "-n", 12)
    assert Image.open("samples.png").size == (10 * 29, 2 * 29)
    vqedu("compress", photo)
    vqedu("decompress", "photo.vq", "-o", "back.png")
    assert Image.open("back.png").size == (48, 43)
    assert Path("photo.vq").stat().st_size < photo.stat().st_size + 200


def test_reconstruct_pictures(trained, photo, capsys):
    Image.new("L", (9, 30), 200).save("grey.png")
    vqedu("reconstruct", photo, "grey.png", "-o", "out.png", "--model", trained["vqvae-photos"])
    out = capsys.readouterr().out
    assert "43×48 pixels, PSNR" in out
    assert "30×9 pixels, PSNR" in out
    picture = np.asarray(Image.open("out.png"))
    assert picture.shape == (2 * 43, 48 + 4 + 9, 3)
    assert np.array_equal(picture[:43, :48], np.asarray(Image.open(photo)))


def test_sample(trained):
    options = ["--model", trained["vqvae-fashion"], "--prior", trained["pixelcnn-fashion"]]
    for name, seed, label in (("a", 1, 3), ("b", 1, 3), ("c", 2, 3), ("d", 1, 4)):
        vqedu("sample", *options, "-n", 4, "--seed", seed, "--label", label, "-o", f"{name}.png")
    a, b, c, d = (np.asarray(Image.open(f"{n}.png")) for n in "abcd")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert not np.array_equal(a, d)
    for narrow in ("--top-k", 1), ("--top-p", 1e-6), ("--temperature", 1e-6):
        vqedu("sample", *options, *narrow, "--label", 3, "-n", 2, "-o", "sure.png")
        sure = np.asarray(Image.open("sure.png"))
        assert np.array_equal(sure[:, :29], sure[:, 29:]), narrow


# --- compress, decompress, export ----------------------------------------------------------------


@pytest.mark.parametrize("prior", [False, True])
def test_compress_and_back(trained, prior, capsys):
    """What comes out is what the model reconstructs, pixel by pixel."""
    x = data.load("fashion", "test").tensor()[5]
    codec.write_image(x, "shoe.png")
    options = ["--model", trained["vqvae-fashion"]]
    options += ["--prior", trained["pixelcnn-fashion"]] if prior else []
    vqedu("compress", "shoe.png", *options, *(["--label", 3] if prior else []))
    assert re.search(r"\d+ bytes \(35 of them header\) for 28×28", capsys.readouterr().out)
    vqedu("decompress", "shoe.vq", "-o", "back.png", *options)
    codec.write_image(checkpoints.load(options[1]).reconstruct(x[None])[0], "expected.png")
    assert Path("back.png").read_bytes() == Path("expected.png").read_bytes()


def test_a_prior_of_another_model(trained, capsys):
    torch.manual_seed(1)
    checkpoints.save(vqvae(1, num_codes=8, code_dim=4, width=32), "other.safetensors")
    vqedu("sample", "--model", "other.safetensors", "--prior", trained["pixelcnn-fashion"], code=1)
    assert "trained on the tokens of another model" in capsys.readouterr().err
    assert not Path("samples.png").exists()


def test_a_prior_where_an_autoencoder_belongs(trained, capsys):
    checkpoints.save(GatedPixelCNN(8, 1, (2, 2), width=8, layers=1), "prior.safetensors")
    for words in (
        ["evaluate", "--model", "prior.safetensors"],
        ["train", "pixelcnn", "--tokenizer"],
    ):
        words = [*words, *(["prior.safetensors", *TINY] if words[0] == "train" else [])]
        vqedu(*words, code=1)
        assert "holds a GatedPixelCNN, not an autoencoder" in capsys.readouterr().err
    vqedu("sample", "--prior", trained["vqvae-fashion"], code=1)
    assert "holds a VQAutoencoder, not a prior" in capsys.readouterr().err


def test_export(trained):
    vqedu("export", "--model", trained["vqvae-fashion"], "-o", "web")
    assert {path.name for path in Path("web").iterdir()} == {"encoder.onnx", "decoder.onnx"}


# --- help ----------------------------------------------------------------


def examples():
    """Every example that the help texts give."""
    texts = [cli.EXAMPLES]
    for action in cli.build_parser()._subparsers._group_actions:
        texts += [parser.description for parser in action.choices.values()]
    found = [line.split("   ")[0].strip() for text in texts for line in text.splitlines()]
    found = [line for line in found if line.startswith("vqedu ")]
    assert len(found) > 20
    return sorted({*found})


def test_the_names_in_the_parser_are_those_of_the_package():
    assert tuple(quantizers.BY_NAME) == cli.QUANTIZERS
    help_text = cli.build_parser()._subparsers._group_actions[0].choices["train"].format_help()
    assert [kind for kind in recipes.KINDS if kind not in help_text] == []


def test_nothing_is_overwritten_unasked(photo, capsys):
    before = photo.read_bytes()
    vqedu("compress", photo)
    vqedu("decompress", "photo.vq", code=1)
    assert "photo.png exists already" in capsys.readouterr().err
    assert photo.read_bytes() == before
    vqedu("decompress", "photo.vq", "-o", "photo.png")
    assert photo.read_bytes() != before


@pytest.mark.parametrize("example", examples())
def test_examples_in_the_help_can_be_parsed(example):
    arguments = cli.build_parser().parse_args(example.split()[1:])
    assert callable(arguments.run)
