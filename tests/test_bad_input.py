"""Ways to misuse the package, and what it answers. One row, one misuse.

Every row of the first table must raise the stated error; every row of the second must end with
the stated exit code, say the stated thing in one line without a traceback, and leave no file.
"""

import errno
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from vqedu import (
    adversarial,
    autoencoders,
    backbones,
    checkpoints,
    cli,
    codec,
    data,
    metrics,
    objectives,
    perceptual,
    priors,
    quantizers,
    states,
    training,
)
from vqedu.errors import CheckpointError, DataError, InputError, TrainingError

NAN = float("nan")


def images(*shape):
    torch.manual_seed(0)
    return torch.rand(*(shape or (2, 1, 8, 8))) * 2 - 1


def model(**options):
    torch.manual_seed(0)
    return autoencoders.vqvae(1, **({"num_codes": 8, "code_dim": 4, "width": 32} | options))


def spoiled(value=NAN, *shape):
    x = images(*shape)
    x.view(-1)[3] = value
    return x


def prior():
    return priors.GatedPixelCNN(8, 2, (2, 2), width=8, layers=1)


def gpt():
    return priors.Transformer(8, 2, (2, 2), width=8, layers=1, heads=2)


def masked():
    return priors.MaskedTransformer(8, 2, (2, 2), width=8, layers=1, heads=2)


def zeros(*shape):
    return torch.zeros(shape, dtype=torch.int64)


def fit(**options):
    items = data.load("fashion", limit=8)
    options = {"steps": 1, "batch_size": 4, "progress": False, "device": "cpu"} | options
    return training.fit(model(), objectives.VQVAEObjective(0.5), items, **options)


def exploding():
    m = model()
    m.decoder[0].weight.data.fill_(1e30)
    items = data.load("fashion", limit=8)
    objective = objectives.VQVAEObjective(0.5)
    return training.fit(m, objective, items, steps=1, batch_size=4, progress=False)


FUNCTIONS = {
    # data
    "no such data set": (lambda: data.load("fashoin"), DataError, "did you mean 'fashion'"),
    "no such split": (lambda: data.load("fashion", "val"), DataError, "'train' or 'test'"),
    "images of side 0": (lambda: data.load("fashion", size=0), DataError, "size must be"),
    "images of side 2.5": (lambda: data.load("fashion", size=2.5), DataError, "whole number"),
    "no images": (lambda: data.load("fashion", limit=0), DataError, "limit must be"),
    "floats as bytes": (lambda: data.from_uint8(images()), DataError, "uint8"),
    "a subset of -1": (lambda: data.load("fashion", limit=9).subset(-1), DataError, "1 to 9"),
    "a set of no images": (
        lambda: data.ImageSet(torch.zeros(0, 1, 8, 8).byte(), zeros(0), ("a",), "x", "train"),
        DataError,
        "N at least 1",
    ),
    "a label too many": (
        lambda: data.ImageSet(torch.zeros(2, 1, 8, 8).byte(), zeros(2) + 3, ("a",), "x", "train"),
        DataError,
        "1 classes allow 0 to 0",
    ),
    # networks
    "sides that are no multiple of 4": (
        lambda: model()(images(2, 1, 9, 8)),
        InputError,
        "multiples of 4",
    ),
    "colour for a grey model": (lambda: model()(images(2, 3, 8, 8)), InputError, "1 channel"),
    "one image without a batch": (lambda: model()(images(1, 8, 8)), InputError, r"\(B, C, H, W\)"),
    "bytes for a model": (lambda: model()(torch.zeros(1, 1, 8, 8).byte()), InputError, "floating"),
    "an empty batch": (lambda: model()(images(0, 1, 8, 8)), InputError, r"\(0, 1, 8, 8\)"),
    "NaN pixels": (lambda: model()(spoiled()), InputError, "NaN or infinity"),
    "infinite pixels": (lambda: model()(spoiled(float("inf"))), InputError, "NaN or infinity"),
    "an encoder of width 20": (
        lambda: backbones.VQGANEncoder(3, 16, width=20),
        InputError,
        "32",
    ),
    "a VAE of another likelihood": (
        lambda: autoencoders.vae(likelihood="poisson"),
        InputError,
        "gaussian.*bernoulli",
    ),
    "images of another size for a VAE": (
        lambda: autoencoders.vae(size=8, width=32)(images(2, 1, 12, 12)),
        InputError,
        "8",
    ),
    # quantisers
    "K = 0": (lambda: model(num_codes=0), InputError, "num_codes"),
    "K = -3": (lambda: quantizers.VectorQuantizer(-3, 4), InputError, "num_codes"),
    "D = 0": (lambda: quantizers.EMAVectorQuantizer(8, 0), InputError, "code_dim"),
    "a negative beta": (lambda: model(beta=-1), InputError, "beta"),
    "a decay of 1": (lambda: model(decay=1.0), InputError, "decay"),
    "no such quantiser": (lambda: model(quantizer="emma"), InputError, "unknown quantizer 'emma'"),
    "FSQ of 7 codes of which there are none": (
        lambda: quantizers.FSQ(7, 4, levels=(3, 3)),
        InputError,
        "levels",
    ),
    "LFQ of 100 codes": (lambda: quantizers.LFQ(100, 4), InputError, "power of (two|2)"),
    "no residual levels": (
        lambda: quantizers.ResidualQuantizer(8, 4, num_quantizers=0),
        InputError,
        "num_quantizers",
    ),
    "features of another dimension": (
        lambda: quantizers.VectorQuantizer(8, 4)(images(2, 5, 3, 3)),
        InputError,
        "channels second",
    ),
    "integers as features": (
        lambda: quantizers.VectorQuantizer(8, 4)(zeros(2, 4, 3)),
        InputError,
        "floating-point",
    ),
    "an index of K": (lambda: model().decode_indices(zeros(1, 2, 2) + 8), InputError, r"\[0, 8\)"),
    "indices that are floats": (
        lambda: model().decode_indices(torch.zeros(1, 2, 2)),
        InputError,
        "integers",
    ),
    "nearest codes of another dimension": (
        lambda: quantizers.assign(images(5, 3), images(4, 2)),
        InputError,
        r"vectors \(N, D\)",
    ),
    "k-means without vectors": (lambda: quantizers.kmeans(images(0, 3), 2), InputError, "N >= 1"),
    # adversarial and perceptual
    "an image smaller than a patch": (
        lambda: adversarial.PatchDiscriminator(1)(images(2, 1, 8, 8)),
        InputError,
        "at least 24×24.*fewer layers",
    ),
    "noise of another length": (
        lambda: adversarial.Generator()(images(2, 5)),
        InputError,
        r"z must be \(B, 64\)",
    ),
    "a generator of side 30": (lambda: adversarial.Generator(size=30), InputError, "28 or 32"),
    "LPIPS without its weights": (
        lambda: perceptual.lpips_vgg("nowhere/vgg16.pth"),
        CheckpointError,
        "vgg16.pth",
    ),
    "images of two sizes to compare": (
        lambda: perceptual.load("features-fashion")(images(2, 1, 28, 28), images(2, 1, 32, 32)),
        InputError,
        "28",
    ),
    "an evaluator as a loss": (
        lambda: perceptual.load("evaluator-fashion"),
        InputError,
        "kept for measuring",
    ),
    # objectives
    "a variance of 0": (lambda: objectives.VQVAEObjective(0), InputError, "above 0"),
    "no such game": (lambda: objectives.VQGANObjective(loss="hing"), InputError, "mean 'hinge'"),
    "warm-up before the start": (
        lambda: objectives.VQGANObjective(warmup=5),
        InputError,
        r"warmup in \[0, start\]",
    ),
    # priors
    "a prior of no tokens": (lambda: priors.Transformer(0, 1, (2, 2)), InputError, "num_codes"),
    "heads that do not divide": (
        lambda: priors.Transformer(8, 1, (2, 2), width=10, heads=3),
        InputError,
        "heads",
    ),
    "tokens of another grid": (lambda: prior()(zeros(1, 3, 3), zeros(1)), InputError, "2×2"),
    "a label too high": (lambda: gpt().sample(zeros(1) + 2), InputError, r"labels.*\[0, 2\)"),
    "two labels for one grid": (lambda: prior()(zeros(1, 2, 2), zeros(2)), InputError, "one label"),
    "a temperature of 0": (lambda: gpt().sample(zeros(1), temperature=0), InputError, "above 0"),
    "top_k of K + 1": (lambda: gpt().sample(zeros(1), top_k=9), InputError, r"\[1, 8\]"),
    "top_p of 0": (lambda: gpt().sample(zeros(1), top_p=0.0), InputError, "top_p"),
    "a grid smaller than the window": (
        lambda: gpt().sample(zeros(1), size=(1, 2)),
        InputError,
        "size",
    ),
    "MaskGIT in no steps": (lambda: masked().sample(zeros(1), steps=0), InputError, "steps"),
    # training
    "no steps": (lambda: fit(steps=0), InputError, "steps must be >= 1"),
    "a batch larger than the data": (lambda: fit(batch_size=9), InputError, r"\[1, 8\]"),
    "a batch that cannot be divided": (lambda: fit(accumulate=3), InputError, "accumulate=3"),
    "a learning rate of 0": (lambda: fit(lr=0.0), InputError, "lr must be above 0"),
    "a seed of -1": (lambda: fit(seed=-1), InputError, "seed at least 0"),
    "no such precision": (lambda: fit(precision="fp8"), InputError, "'bf16'"),
    "no such device": (lambda: fit(device="tpu"), InputError, "no device 'tpu'"),
    "resume from nowhere": (lambda: fit(resume=True), InputError, "needs the folder"),
    "a loss that explodes": (exploding, TrainingError, "at step 1.*smaller learning rate"),
    # metrics
    "SSIM of 8×8 images": (
        lambda: metrics.evaluate(model(), data.load("fashion", size=8, limit=4)),
        InputError,
        "11×11",
    ),
    "the use of no tokens": (lambda: metrics.code_usage(zeros(0), 8), InputError, "at least one"),
    "a Fréchet distance of one image": (
        lambda: metrics.frechet_distance(
            images(1, 1, 28, 28), images(5, 1, 28, 28), "evaluator-fashion"
        ),
        InputError,
        "2",
    ),
    "a loss as evaluator": (
        lambda: metrics.load_evaluator("features-fashion"),
        InputError,
        "loss",
    ),
    # files
    "a checkpoint that is not there": (
        lambda: checkpoints.load("vqvae-fashoin"),
        CheckpointError,
        "did you mean 'vqvae-fashion'",
    ),
    "a model without a configuration": (
        lambda: checkpoints.save(torch.nn.Linear(1, 1), "x.safetensors"),
        CheckpointError,
        "has no config",
    ),
    "a folder that is not there": (
        lambda: checkpoints.save(model(), "no/such/folder/x.safetensors"),
        CheckpointError,
        "cannot write",
    ),
    "a published checkpoint that is none": (
        lambda: checkpoints.from_taming(__file__),
        CheckpointError,
        "test_bad_input.py",
    ),
    "pixels beyond [-1, 1] to compress": (
        lambda: codec.compress(model(), 3 * images(1, 8, 8)),
        InputError,
        r"\[-1, 1\]",
    ),
    "NaN pixels to compress": (
        lambda: codec.compress(model(), spoiled(NAN, 1, 8, 8)),
        InputError,
        r"\[-1, 1\]",
    ),
    "a file of another kind": (
        lambda: codec.decompress(model(), b"GIF89a" + bytes(60)),
        DataError,
        "not an image compressed by vqedu",
    ),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder):
    return {p: p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, here):
    work, error, message = FUNCTIONS[name]
    with pytest.raises(error, match=message):
        work()
    assert files(here) == {}


@pytest.fixture
def pictures(here):
    """What the rows below have at hand."""
    Image.new("RGB", (20, 12), "orange").save("photo.png")
    Path("text.png").write_text("not a picture")
    Path("empty").mkdir()
    Path("folder.vq").mkdir()
    checkpoints.save(model(), "grey.safetensors")
    torch.manual_seed(1)
    colour = autoencoders.vqvae(3, num_codes=8, code_dim=4, width=32)
    checkpoints.save(colour, "colour.safetensors")
    checkpoints.save(prior(), "prior.safetensors")
    Path("cut.safetensors").write_bytes(Path("grey.safetensors").read_bytes()[:-9])
    compressed = codec.compress(colour, codec.read_image("photo.png", 3))
    Path("good.vq").write_bytes(compressed)
    Path("photo.vq").write_bytes(compressed)
    Path("cut.vq").write_bytes(compressed[:-1])
    altered = bytearray(compressed)
    altered[-1] ^= 1
    Path("altered.vq").write_bytes(altered)
    states.save_state("trained/training", {"step": 7})
    return here


COMMANDS = {
    # usage: 2
    "": (2, "required"),
    "comprss photo.png": (2, "invalid choice"),
    "train vqvea": (1, "did you mean 'vqvae'"),
    "train --steps 0": (2, "--steps: must be at least 1, not 0"),
    "train --steps many": (2, "--steps: invalid whole number value: 'many'"),
    "train --lr 0": (2, "--lr: must be above 0"),
    "train --lr -1e-3": (2, "--lr"),
    "train --num-codes 0": (2, "--num-codes: must be at least 1"),
    "train --seed -1": (2, "--seed: must be at least 0"),
    "train --seed 99999999999": (2, "--seed: must be at least 0 and at most"),
    "train --device tpu": (2, "invalid choice: 'tpu'"),
    "train --quantizer emma": (2, "invalid choice: 'emma'"),
    "train --precision fp8": (2, "invalid choice: 'fp8'"),
    "compress": (2, "the following arguments are required: FILE"),
    "sample -n 0": (2, "-n: must be at least 1"),
    "sample --top-p 1.5": (2, "--top-p: must be above 0 and at most 1"),
    "sample --temperature 0": (2, "--temperature: must be above 0"),
    "evaluate --split val": (2, "invalid choice: 'val'"),
    "doctor --colour": (2, "unrecognized arguments: --colour"),
    # the rest: 1
    "train --data fashoin": (1, "did you mean 'fashion'"),
    "train --data folder": (1, "root"),
    "train --data folder --root empty": (1, "empty"),
    "train --data folder --root nowhere": (1, "nowhere"),
    "train --data torchvision:CIFAR10 --root empty": (1, "CIFAR10"),
    "train --data fashion-full --root empty": (1, "fashion-full"),
    "train --limit 10": (1, "batch_size in [1, 10]"),
    "decompress photo.vq --model colour.safetensors": (1, "photo.png exists already"),
    "train --quantizer fsq --num-codes 131": (1, "131"),
    "train -o trained": (1, "already holds a training"),
    "train pixelcnn --tokenizer nowhere.safetensors": (1, "no checkpoint at nowhere.safetensors"),
    "evaluate --model nowhere.safetensors": (1, "no checkpoint at nowhere.safetensors"),
    "evaluate --model text.png": (1, "damaged or not a safetensors file"),
    "evaluate --model cut.safetensors": (1, "damaged"),
    "evaluate --model prior.safetensors": (1, "holds a GatedPixelCNN, not an autoencoder"),
    "evaluate --model colour.safetensors --data fashion": (1, "3 channels"),
    "evaluate --model grey.safetensors --data fashion --size 8": (1, "11×11"),
    "reconstruct text.png": (1, "cannot be read as a picture"),
    "reconstruct nowhere.png": (1, "nowhere.png"),
    "sample --label 10": (1, "--label must be below 10"),
    "sample --prior grey.safetensors": (1, "holds a VQAutoencoder, not a prior"),
    "sample --top-k 9999": (1, "top_k must lie in"),
    "sample -o out.gpx": (1, "ends in .png"),
    "sample -o nowhere/out.png": (1, "nowhere"),
    "compress text.png": (1, "cannot be read as a picture"),
    "compress photo.png --model vqvae-fashoin": (1, "did you mean 'vqvae-fashion'"),
    "compress photo.png --model colour.safetensors -o folder.vq": (1, "cannot write folder.vq"),
    "compress photo.png --model colour.safetensors --prior grey.safetensors": (1, "not a prior"),
    "compress photo.png --model grey.safetensors --prior prior.safetensors --label 9 -o x.vq": (
        1,
        "label must lie in",
    ),
    "decompress nowhere.vq": (1, "cannot read nowhere.vq"),
    "decompress photo.png --model colour.safetensors -o x.png": (1, "photo.png"),
    "decompress cut.vq --model colour.safetensors": (1, "damaged"),
    "decompress altered.vq --model colour.safetensors": (1, "damaged"),
    "decompress good.vq --model grey.safetensors -o x.png": (1, "another model"),
    "decompress good.vq --model colour.safetensors --prior prior.safetensors -o x.png": (
        1,
        "without a prior; give none",
    ),
    "decompress good.vq --model colour.safetensors -o out.vq": (1, "ends in .png"),
    "export --model nowhere.safetensors": (1, "no checkpoint at nowhere.safetensors"),
    "export --model prior.safetensors": (1, "not an autoencoder"),
}


@pytest.mark.parametrize("line", COMMANDS)
def test_commands(line, pictures, capsys, monkeypatch):
    monkeypatch.setenv("VQEDU_DATA", str(pictures / "empty"))
    code, message = COMMANDS[line]
    before = files(pictures)
    try:
        found = cli.main(line.split())
    except SystemExit as stop:
        found = stop.code
    err = capsys.readouterr().err
    assert found == code
    assert message in err
    assert "Traceback" not in err
    assert code == 2 or err.strip().splitlines()[-1].startswith("vqedu: error: ")
    assert files(pictures) == before


def test_there_are_enough():
    assert len(FUNCTIONS) + len(COMMANDS) >= 60


# --- a disk that does not play along ------------------------------------------------------------

WRITERS = {
    "save a checkpoint": lambda: checkpoints.save(model(), "out.safetensors"),
    "save a state": lambda: states.save_state("training", {"step": 1}),
    "compress": lambda: codec.compress_file(model(), "photo.png", "out.vq"),
    "decompress": lambda: codec.decompress_file(
        checkpoints.load("colour.safetensors"), "good.vq", "out.png"
    ),
    "write an image": lambda: codec.write_image(images(1, 8, 8), "out.png"),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("where", ["replace", "fsync"])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_a_file_that_cannot_be_put_in_its_place(writer, where, number, said, pictures, monkeypatch):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    before = files(pictures)
    monkeypatch.setattr(os, where, refuse)
    with pytest.raises((CheckpointError, DataError), match=f"cannot write.*{said}"):
        WRITERS[writer]()
    assert files(pictures) == before


@pytest.mark.parametrize("writer", WRITERS)
def test_an_interrupted_write(writer, pictures, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    before = files(pictures)
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        WRITERS[writer]()
    assert files(pictures) == before


def test_debug_shows_the_traceback(pictures):
    with pytest.raises(CheckpointError):
        cli.main(["evaluate", "--model", "nowhere.safetensors", "--debug"])
