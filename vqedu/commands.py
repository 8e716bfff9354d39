"""What each command does; ``vqedu.cli`` declares their arguments."""

import os
import time
from dataclasses import fields, replace
from pathlib import Path

import torch
import torch.nn.functional as F

from . import cards, checkpoints, codec, data, metrics, objectives, priors, processes, recipes
from .autoencoders import VQAutoencoder
from .cli import COLOUR, GREY, PRIOR
from .errors import CheckpointError, DataError, InputError
from .priors.base import Prior
from .recipes import load_autoencoder, source_of
from .training import seed_everything


def doctor(arguments) -> int:
    from . import doctor

    return doctor.main()


def train(arguments) -> int:
    a = arguments
    recipe = recipes.find(a.recipe)
    asked = {field.name: getattr(a, field.name, None) for field in fields(recipe)}
    recipe = replace(recipe, **{k: v for k, v in asked.items() if v is not None})
    recipe = replace(recipe, root=recipe.root and str(recipe.root))
    folder = a.out or Path("runs") / _folder_name(a.recipe, recipe)
    if os.environ.get("RANK", "0") == "0":  # the first of several processes
        print(f"training {a.recipe} for {recipe.steps} steps in {folder}")
    model, history = recipes.train(
        recipe,
        folder=folder / "training",
        device=a.device,
        accumulate=a.accumulate,
        precision=a.precision,
        save_every=a.save_every,
        resume=a.resume,
        log_dir=folder / "logs" if a.log else None,
    )
    if processes.rank() > 0:
        return 0
    path, done = folder / "model.safetensors", model.notes["steps"]
    checkpoints.save(model, path, **model.notes)
    last = {k: history.recent(k) for k in history.terms if k != "step"}
    print(f"after {done} steps: " + ", ".join(f"{k} {v:.3g}" for k, v in last.items()))
    print(f"wrote {path}")
    return 0 if done == recipe.steps else 130


def _folder_name(name: str, recipe: recipes.Recipe) -> str:
    """A shipped model's name is the folder's; a kind goes with the name of the data."""
    if name in recipes.RECIPES:
        return name
    tokenizer = load_autoencoder(recipe.tokenizer, "cpu") if recipe.is_prior else None
    return f"{recipe.kind}-{Path(source_of(recipe, tokenizer)['name']).name.replace(':', '-')}"


def evaluate(arguments) -> int:
    a = arguments
    model = load_autoencoder(a.model or GREY, a.device)
    source = source_of(a, model)
    images = data.load(split=a.split, **source)
    channels = images.images.shape[1]
    options = {}
    if a.perceptual or a.frechet:  # both by a network that no training saw
        evaluator = metrics.load_evaluator(cards.JUDGES[channels])
        options["evaluator"] = evaluator if a.frechet else None
    if a.perceptual:
        options["perceptual"] = evaluator.distance()
    print(metrics.evaluate(model, images, **options))
    return 0


def reconstruct(arguments) -> int:
    a = arguments
    model = load_autoencoder(a.model or (COLOUR if a.files else GREY), a.device)
    if a.files:
        originals = [codec.read_image(path, model.in_channels) for path in a.files]
    else:
        originals = list(data.load(split="test", **source_of(a, model, limit=8)).tensor())
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
    model = load_autoencoder(a.model or GREY, a.device)
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
    model = load_autoencoder(a.model or COLOUR, a.device)
    prior = _prior_from(a.prior, model) if a.prior else None
    target = _target(a, ".vq")
    print(codec.compress_file(model, a.file, target, prior, label=a.label))
    print(f"wrote {target}")
    return 0


def decompress(arguments) -> int:
    a = arguments
    model = load_autoencoder(a.model or COLOUR, a.device)
    prior = _prior_from(a.prior, model) if a.prior else None
    target = _target(a, ".png")
    codec.decompress_file(model, a.file, target, prior)
    print(f"wrote {target}")
    return 0


def export(arguments) -> int:
    from .export import to_onnx

    a = arguments
    model = load_autoencoder(a.model or GREY, "cpu")
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


def _prior_from(name: str, model: VQAutoencoder) -> Prior:
    """A prior, with a check that it was trained on this model's tokens."""
    prior = checkpoints.load(name)
    if not isinstance(prior, Prior):
        raise CheckpointError(f"{name} holds a {type(prior).__name__}, not a prior")
    recipes.check_tokenizer(prior, model, f"the prior {name}")
    return prior.to(next(model.parameters()).device)
