"""What each command does; ``vqedu.cli`` declares their arguments."""

import os
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset

from . import (
    autoencoders,
    checkpoints,
    codec,
    data,
    metrics,
    objectives,
    perceptual,
    priors,
    processes,
)
from .adversarial import PatchDiscriminator
from .autoencoders import VQAutoencoder
from .cli import COLOUR, GREY, PRIOR
from .errors import CheckpointError, DataError, InputError
from .priors.base import Prior
from .training import fit, seed_everything, select_device

PRIORS = {
    "pixelcnn": (priors.GatedPixelCNN, objectives.PriorObjective),
    "transformer": (priors.Transformer, objectives.PriorObjective),
    "maskgit": (priors.MaskedTransformer, objectives.MaskedPriorObjective),
}


def doctor(arguments) -> int:
    from . import doctor

    return doctor.main()


def train(arguments) -> int:
    a = arguments
    prior = a.kind in PRIORS
    tokenizer = _autoencoder(a.tokenizer or GREY, a.device) if prior else None
    source = _source(a, tokenizer)
    images = data.load(split="train", **source)
    folder = a.out or Path("runs") / f"{a.kind}-{Path(source['name']).name.replace(':', '-')}"
    seed_everything(a.seed)
    if prior:
        tokens = metrics.tokenize(tokenizer, images)
        model, objective = _prior(a, tokenizer, tokens, images)
        items = TensorDataset(tokens, images.labels)
    else:
        model, objective = _autoencoder_to_train(a, images)
        items = images
    if os.environ.get("RANK", "0") == "0":  # the first of several processes
        print(f"training a {a.kind} on {images} in {folder}")
    history = fit(
        model,
        objective,
        items,
        steps=a.steps,
        batch_size=a.batch_size,
        accumulate=a.accumulate,
        lr=a.lr,
        betas=(0.5, 0.9) if a.kind == "vqgan" else (0.9, 0.999),
        seed=a.seed,
        device=a.device,
        precision=a.precision,
        folder=folder / "training",
        save_every=a.save_every,
        resume=a.resume,
        log_dir=folder / "logs" if a.log else None,
    )
    if processes.rank() > 0:
        return 0
    done = int(history["step"][-1]) if history.terms else 0
    notes = {"data": {k: v for k, v in source.items() if v is not None}, "kind": a.kind}
    notes |= {"steps": done, "seed": a.seed, "seconds": round(history.seconds)}
    if prior:
        notes |= {"tokenizer": checkpoints.fingerprint(tokenizer), "classes": images.classes}
    else:
        indices = metrics.tokenize(model, images)
        usage = metrics.code_usage(indices, model.quantizer.num_codes)
        notes["code_counts"] = usage.counts.tolist()
        notes |= getattr(model, "notes", {})  # of the perceptual network it was trained on
    path = folder / "model.safetensors"
    checkpoints.save(model, path, **notes)
    last = {k: history.recent(k) for k in history.terms if k != "step"}
    print(f"after {done} steps: " + ", ".join(f"{k} {v:.3g}" for k, v in last.items()))
    print(f"wrote {path}")
    return 0 if done == a.steps else 130


def _autoencoder_to_train(a, images):
    channels = images.images.shape[1]
    model = autoencoders.vqvae(
        channels,
        num_codes=a.num_codes,
        code_dim=a.code_dim,
        width=a.width,
        quantizer=a.quantizer,
    )
    if a.kind == "vqvae":
        return model, objectives.VQVAEObjective(images.variance)
    small = min(images.images.shape[2:]) < 64  # where a patch of 70 pixels would be all there is
    discriminator = PatchDiscriminator(channels, width=32, layers=1 if small else 3)
    return model, objectives.VQGANObjective(
        perceptual.default(channels), discriminator, start=a.steps // 4, warmup=a.steps // 20
    )


def _prior(a, tokenizer: VQAutoencoder, tokens, images):
    if tokens.ndim != 3:
        raise InputError("priors need one token a position; this tokenizer's quantiser is residual")
    build, objective = PRIORS[a.kind]
    grid, classes = tuple(tokens.shape[1:]), len(images.classes)
    sizes = {"width": a.width, "layers": a.layers}
    return build(tokenizer.quantizer.num_codes, classes, grid, **sizes), objective()


def evaluate(arguments) -> int:
    a = arguments
    model = _autoencoder(a.model or GREY, a.device)
    source = _source(a, model)
    images = data.load(split=a.split, **source)
    channels = images.images.shape[1]
    options = {}
    if a.perceptual or a.frechet:  # both by a network that no training saw
        evaluator = metrics.load_evaluator(metrics.EVALUATORS[channels == 3])
        options["evaluator"] = evaluator if a.frechet else None
    if a.perceptual:
        options["perceptual"] = perceptual.FeatureDistance(
            evaluator.network, in_channels=evaluator.in_channels, name=evaluator.name
        )
    print(metrics.evaluate(model, images, **options))
    return 0


def reconstruct(arguments) -> int:
    a = arguments
    model = _autoencoder(a.model or (COLOUR if a.files else GREY), a.device)
    if a.files:
        originals = [codec.read_image(path, model.in_channels) for path in a.files]
    else:
        originals = list(data.load(split="test", **_source(a, model, limit=8)).tensor())
    pairs = []
    for x in originals:
        x_hat = codec.through(model, x)
        pairs.append(torch.cat([x, x_hat], dim=1))
        if a.files:
            psnr = objectives.mean_psnr(x[None], x_hat[None])
            print(f"{x.shape[1]}×{x.shape[2]} pixels, PSNR {psnr:.2f} dB")
    height, margin = max(p.shape[1] for p in pairs), 4
    pairs = [F.pad(p, (0, margin, 0, height - p.shape[1]), value=1.0) for p in pairs]
    codec.write_image(torch.cat(pairs, dim=2)[:, :, :-margin], a.out)
    print(f"wrote {a.out}")
    return 0


def sample(arguments) -> int:
    a = arguments
    model = _autoencoder(a.model or GREY, a.device)
    prior = _prior_from(a.prior or PRIOR, model)
    if a.label is not None and a.label >= prior.num_classes:
        raise InputError(f"--label must be below {prior.num_classes}, the number of classes")
    labels = torch.arange(a.n) % prior.num_classes
    labels = labels if a.label is None else torch.full_like(labels, a.label)
    seed_everything(a.seed)
    options = {"temperature": a.temperature}
    options |= {k: v for k, v in (("top_k", a.top_k), ("top_p", a.top_p)) if v is not None}
    if isinstance(prior, priors.MaskedTransformer) and len(options) > 1:
        raise InputError("a masked transformer draws with --temperature only")
    start = time.perf_counter()
    images = model.decode_indices(prior.sample(labels, **options)).cpu()
    columns = min(a.n, 10)
    margin = F.pad(images, (0, 1, 0, 1), value=1.0)
    blanks = margin.new_ones(-a.n % columns, *margin.shape[1:])
    rows = torch.cat([margin, blanks]).unflatten(0, (-1, columns))  # (rows, columns, C, H, W)
    sheet = rows.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)  # (C, rows·H, columns·W)
    codec.write_image(sheet, a.out)
    print(f"drew {a.n} images in {time.perf_counter() - start:.1f} s; wrote {a.out}")
    return 0


def compress(arguments) -> int:
    a = arguments
    model = _autoencoder(a.model or COLOUR, a.device)
    prior = _prior_from(a.prior, model) if a.prior else None
    target = _target(a, ".vq")
    print(codec.compress_file(model, a.file, target, prior, label=a.label))
    print(f"wrote {target}")
    return 0


def decompress(arguments) -> int:
    a = arguments
    model = _autoencoder(a.model or COLOUR, a.device)
    prior = _prior_from(a.prior, model) if a.prior else None
    target = _target(a, ".png")
    codec.decompress_file(model, a.file, target, prior)
    print(f"wrote {target}")
    return 0


def export(arguments) -> int:
    from .export import to_onnx

    a = arguments
    model = _autoencoder(a.model or GREY, "cpu")
    try:
        a.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {a.out}: {error.strerror}") from error
    for path in to_onnx(model, a.out):
        print(f"wrote {path} ({path.stat().st_size:,} bytes)")
    return 0


def _target(a, suffix: str) -> Path:
    """Where to write to. Unasked, nothing is overwritten: a photo.png that was compressed would be
    lost to what comes back of it."""
    target = a.out or a.file.with_suffix(suffix)
    if a.out is None and target.exists():
        raise DataError(f"{target} exists already: name another file, or this one, with -o")
    return target


def _autoencoder(name: str, device: str | None) -> VQAutoencoder:
    model = checkpoints.load(name)
    if not isinstance(model, VQAutoencoder):
        raise CheckpointError(f"{name} holds a {type(model).__name__}, not an autoencoder")
    return model.to(select_device(device))


def _prior_from(name: str, model: VQAutoencoder) -> Prior:
    """A prior, with a check that it was trained on this model's tokens."""
    prior = checkpoints.load(name)
    if not isinstance(prior, Prior):
        raise CheckpointError(f"{name} holds a {type(prior).__name__}, not a prior")
    if prior.notes.get("tokenizer") not in (None, checkpoints.fingerprint(model)):
        raise InputError(f"the prior {name} was trained on the tokens of another model")
    return prior.to(next(model.parameters()).device)


def _source(a, model: VQAutoencoder | None = None, limit: int | None = None) -> dict:
    """Arguments of ``data.load``: the command line's, else those the model was trained on."""
    known = model.notes.get("data", {}) if model is not None and not a.data else {}
    asked = {"root": a.root, "size": a.size, "limit": a.limit}
    source = {"name": a.data or "fashion", "limit": limit}
    source |= {k: v for k, v in known.items() if k != "limit"}
    source |= {k: v for k, v in asked.items() if v is not None}
    return source | ({"root": str(source["root"])} if source.get("root") else {})
