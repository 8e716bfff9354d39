"""How a model is made, from its data to its last step, as one line of settings.

:data:`RECIPES` holds the recipe of every model that comes with the package, but for the feature
networks and the models of clips, which ``tools/train_features.py`` and ``tools/train_video.py``
make. ``vqedu train NAME`` makes one again;
``vqedu train KIND`` begins with the settings in :data:`KINDS`. The rungs of :data:`LADDER` differ
in nothing but what is minimised: they are the experiment of ``chapters/07_comparison``.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from . import autoencoders, checkpoints, data, metrics, objectives, perceptual, priors
from .adversarial import Generator, PatchDiscriminator
from .autoencoders import VQAutoencoder
from .errors import CheckpointError, InputError, did_you_mean
from .run import History
from .sound import log_mel
from .speech import SpeechObjective, speech_vqvae
from .training import fit, seed_everything, select_device, surroundings

PRIORS = {  # the model, and what it is trained for
    "pixelcnn": (priors.GatedPixelCNN, objectives.PriorObjective),
    "transformer": (priors.Transformer, objectives.PriorObjective),
    "maskgit": (priors.MaskedTransformer, objectives.MaskedPriorObjective),
}


@dataclass(frozen=True)
class Recipe:
    """Settings of one training. Those that do not concern its kind are not looked at.

    Attributes:
        kind: a key of :data:`KINDS`.
        data, size, root, limit: arguments of :func:`vqedu.data.load`; without ``data``, a prior
            takes its tokenizer's, and the others ``"fashion"``.
        num_codes, code_dim, stride, upsampling, quantizer, decay: of the autoencoder; ``decay``
            for ``"ema"`` only.
        width: channels inside: of autoencoder, prior, generator.
        perceptual: name of the perceptual network; empty: the best one on this machine.
        perceptual_weight, adversarial_weight: 0 leaves the term out.
        start, warmup: as shares of the steps, see :class:`~vqedu.objectives.VQGANObjective`.
        r1, lecam: weights of penalties on the discriminator.
        patch_width, patch_layers: of the discriminator; 0 layers: 1 below 64 pixels, else 3.
        latent_dim, variance: length of z of a VAE or GAN; σ² of the VAE's Gaussian.
        tokenizer: whose tokens a prior learns: a name or a file.
        layers: of a prior.
        steps, batch_size, lr, betas, average, seed: of :func:`vqedu.training.fit`.
    """

    kind: str
    data: str | None = None
    size: int | None = None
    root: str | None = None
    limit: int | None = None
    num_codes: int = 128
    code_dim: int = 16
    width: int = 64
    stride: int = 4
    upsampling: str = "transposed"
    quantizer: str = "ema"
    decay: float = 0.99
    perceptual: str = ""
    perceptual_weight: float = 1.0
    adversarial_weight: float = 0.0
    start: float = 0.25
    warmup: float = 0.05
    r1: float = 0.0
    lecam: float = 0.0
    patch_width: int = 32
    patch_layers: int = 0
    latent_dim: int = 64
    variance: float = 0.05
    tokenizer: str = "vqvae-fashion"
    layers: int = 6
    steps: int = 1500
    batch_size: int = 64
    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    average: float = 0.99
    seed: int = 0

    @property
    def is_prior(self) -> bool:
        return self.kind in PRIORS


ADVERSARIAL = (0.5, 0.9)  # Adam's betas against a discriminator

KINDS = {kind: Recipe(kind) for kind in ("vqvae", *PRIORS)}
KINDS["vqgan"] = Recipe(  # weights and schedule as on the ladder below
    "vqgan", adversarial_weight=0.3, start=0.5, warmup=0.1, r1=1.0, betas=ADVERSARIAL
)
KINDS["vae"] = Recipe("vae", latent_dim=16, variance=0.2, lr=4e-3)
KINDS["gan"] = Recipe("gan", width=32, patch_width=16, patch_layers=2, betas=ADVERSARIAL)
KINDS["speech"] = Recipe(
    "speech", data="digits", num_codes=16, decay=0.95, steps=4000, batch_size=16
)

# The ladder: from squared error to VQGAN, one change at a time. 16 tokens of 8 bits for 32×32
# pixels: a compression at which blur is real.
_F8 = Recipe(
    "vqgan",
    size=32,
    num_codes=256,
    stride=8,
    upsampling="nearest",
    decay=0.95,
    perceptual="features-fashion",
    perceptual_weight=0.0,
    adversarial_weight=0.0,
    patch_layers=1,
    steps=3000,
    batch_size=32,
    betas=ADVERSARIAL,
)
LADDER = {
    "squared": replace(_F8, kind="vqvae"),
    "absolute": _F8,
    "perceptual": replace(_F8, perceptual_weight=1.0),
    "adversarial": replace(
        _F8, perceptual_weight=1.0, adversarial_weight=0.3, start=0.5, warmup=0.1, r1=1.0
    ),
}
# Photographs of which none was trained on come out in wrong colours at 16 tokens: 64 of 9 bits. And
# a network that saw three photographs only is no judge of others: one that was trained on ImageNet.
_PHOTOS = {"data": "photos", "num_codes": 512, "code_dim": 32, "stride": 4, "steps": 2000}
_PHOTOS |= {"perceptual": "efficientnet-lite1"}
LADDER_PRIOR = Recipe(
    "transformer", width=96, layers=4, steps=1500, batch_size=64, betas=(0.9, 0.99)
)


def rung(name: str, data_name: str = "fashion") -> Recipe:
    """A recipe of :data:`LADDER` for ``"fashion"`` or ``"photos"``."""
    recipe = replace(LADDER[name], data=data_name)
    if data_name != "photos":
        return recipe
    weights = {"perceptual_weight": 0.2 * bool(recipe.perceptual_weight)}
    weights["adversarial_weight"] = 0.8 * bool(recipe.adversarial_weight)
    return replace(recipe, **_PHOTOS, **weights)


RECIPES = {
    "vqvae-fashion": KINDS["vqvae"],
    "vqvae-photos": replace(KINDS["vqvae"], data="photos", num_codes=512, code_dim=32, steps=4000),
    "vqgan-fashion": replace(KINDS["vqgan"], perceptual="features-fashion"),
    "pixelcnn-fashion": replace(KINDS["pixelcnn"], width=48),
    "transformer-fashion": replace(
        KINDS["transformer"], tokenizer="vqgan-fashion", width=96, layers=4, betas=(0.9, 0.99)
    ),
    "maskgit-fashion": replace(
        KINDS["maskgit"],
        tokenizer="vqgan-fashion",
        width=64,
        layers=4,
        betas=(0.9, 0.99),
        steps=3000,
    ),
    "vae-fashion": KINDS["vae"],
    "gan-fashion": KINDS["gan"],
    "speech-digits": KINDS["speech"],
}
RECIPES |= {
    "vqvae-fashion-f8": LADDER["squared"],
    "absolute-fashion-f8": LADDER["absolute"],
    "perceptual-fashion-f8": LADDER["perceptual"],
    "vqgan-fashion-f8": LADDER["adversarial"],
}
RECIPES |= {f"{name}-photos": rung(name, "photos") for name in list(LADDER)[:-1]}
RECIPES["vqgan-photos"] = rung("adversarial", "photos")
for _model in ("vqvae-fashion-f8", "vqgan-fashion-f8"):
    RECIPES[f"transformer-{_model}"] = replace(LADDER_PRIOR, tokenizer=_model)
RECIPES["transformer-vqgan-photos"] = replace(LADDER_PRIOR, tokenizer="vqgan-photos", width=64)


def find(name: str) -> Recipe:
    """The recipe of a shipped model, or the defaults of a kind.

    Raises:
        InputError: neither.
    """
    known = KINDS | RECIPES
    if name not in known:
        raise InputError(
            f"no recipe {name!r}: take a kind ({', '.join(KINDS)}) or the name of a model that "
            f"comes with the package ({', '.join(RECIPES)}){did_you_mean(name, known)}"
        )
    return known[name]


def train(
    recipe: Recipe, *, folder: str | Path | None = None, device: str | None = None, **options
) -> tuple[nn.Module, History]:
    """Make a model.

    Args:
        recipe: what to do.
        folder: keep the state of the training there; ``resume=True`` goes on from it.
        device: see :func:`~vqedu.training.select_device`.
        options: further ones of :func:`~vqedu.training.fit` that do not belong to a recipe:
            ``precision``, ``progress``, ``log_dir``, …

    Returns:
        The trained model with its ``notes``, all that :func:`vqedu.checkpoints.save` should keep,
        and the history of its training.

    Raises:
        InputError, DataError, CheckpointError: as data, networks and ``fit`` do.
    """
    tokenizer = load_autoencoder(recipe.tokenizer, device) if recipe.is_prior else None
    source = source_of(recipe, tokenizer)
    images = data.load(split="train", **source)
    seed_everything(recipe.seed)
    items, notes = images, {}
    if tokenizer:
        tokens = metrics.tokenize(tokenizer, images)
        model, objective = _prior(recipe, tokenizer, tokens, images)
        items = TensorDataset(tokens, images.labels)
        notes = {"tokenizer": checkpoints.fingerprint(tokenizer), "classes": images.classes}
    else:
        model, objective = build(recipe, images)
    if recipe.kind == "speech":
        items = TensorDataset(log_mel(images.waves), images.speakers)
        notes = {"classes": images.classes, "voices": images.voices}
    settings = ("steps", "batch_size", "lr", "betas", "average", "seed")
    settings = {name: getattr(recipe, name) for name in settings}
    loss = getattr(objective, "perceptual", None)
    same = asdict(recipe) | {"tokenizer": notes.get("tokenizer")}
    same |= {"perceptual": getattr(loss, "name", None)}
    further = {f"recipe.{k}": v for k, v in same.items() if k not in (*settings, "root")}
    options |= settings | {"further": further}
    history = fit(model, objective, items, folder=folder, device=device, **options)
    notes |= {"kind": recipe.kind, "seed": recipe.seed, "seconds": round(history.seconds)}
    notes["data"] = {name: value for name, value in source.items() if value is not None}
    notes["steps"] = int(history["step"][-1]) if history.terms else 0
    notes["recipe"] = asdict(recipe)
    notes["made_with"] = surroundings(device)
    if isinstance(model, VQAutoencoder):
        usage = metrics.code_usage(metrics.tokenize(model, images), model.quantizer.num_codes)
        notes["code_counts"] = usage.counts.tolist()
    model.notes = notes | getattr(model, "notes", {})  # of the perceptual network
    return model, history


def build(recipe: Recipe, images: data.ImageSet) -> tuple[nn.Module, objectives.Objective]:
    """The untrained model of a recipe other than a prior's, and what it is trained for."""
    if recipe.kind == "speech":
        return _speech(recipe, images)
    r, (channels, height, width) = recipe, images.images.shape[1:]
    if r.kind == "vae":
        sizes = {"latent_dim": r.latent_dim, "width": r.width, "variance": r.variance}
        return autoencoders.vae(channels, size=height, **sizes), objectives.ELBOObjective()
    layers = r.patch_layers or (1 if min(height, width) < 64 else 3)  # 3 look at 70 pixels
    if r.kind == "gan":
        model = Generator(channels, height, r.latent_dim, r.width)
        discriminator = PatchDiscriminator(channels, r.patch_width, layers)
        return model, objectives.GANObjective(discriminator, r1=r.r1, lecam=r.lecam)
    model = autoencoders.vqvae(
        channels,
        num_codes=r.num_codes,
        code_dim=r.code_dim,
        width=r.width,
        stride=r.stride,
        upsampling=r.upsampling,
        quantizer=r.quantizer,
        **({"decay": r.decay} if r.quantizer == "ema" and r.decay != Recipe.decay else {}),
    )
    if r.kind == "vqvae":
        return model, objectives.VQVAEObjective(images.variance)
    distance = discriminator = None
    if r.perceptual_weight:
        distance = perceptual.load(r.perceptual) if r.perceptual else perceptual.default(channels)
    if r.adversarial_weight:
        discriminator = PatchDiscriminator(channels, r.patch_width, layers)
    start = int(r.start * r.steps)
    return model, objectives.VQGANObjective(
        distance,
        discriminator,
        perceptual_weight=r.perceptual_weight,
        adversarial_weight=r.adversarial_weight,
        start=start,
        warmup=min(start, int(r.warmup * r.steps)),
        r1=r.r1,
        lecam=r.lecam,
    )


def _speech(r: Recipe, sounds: data.SoundSet):
    sizes = {"num_codes": r.num_codes, "code_dim": r.code_dim, "width": r.width}
    voices = int(sounds.speakers.max()) + 1  # those that are heard in the training split
    model = speech_vqvae(voices, **sizes, quantizer=r.quantizer, decay=r.decay)
    return model, SpeechObjective(log_mel(sounds.waves).var().item())


def _prior(r: Recipe, tokenizer: VQAutoencoder, tokens: torch.Tensor, images: Dataset):
    if tokens.ndim != 3:
        raise InputError("priors need one token a position; this tokenizer's quantiser is residual")
    prior, objective = PRIORS[r.kind]
    grid, classes = tuple(tokens.shape[1:]), len(images.classes)
    sizes = {"width": r.width, "layers": r.layers}
    return prior(tokenizer.quantizer.num_codes, classes, grid, **sizes), objective()


def load_autoencoder(name: str, device: str | None = None) -> VQAutoencoder:
    """A saved autoencoder by name or file, on the device.

    Raises:
        CheckpointError: it holds something else.
    """
    model = checkpoints.load(name)
    if not isinstance(model, VQAutoencoder):
        raise CheckpointError(f"{name} holds a {type(model).__name__}, not an autoencoder")
    return model.to(select_device(device))


def check_tokenizer(prior: nn.Module, tokenizer: nn.Module, name: str = "this prior") -> None:
    """InputError if the prior was trained on the tokens of another model. One that is not from
    :func:`train` does not say."""
    if prior.notes.get("tokenizer") not in (None, checkpoints.fingerprint(tokenizer)):
        raise InputError(f"{name} was trained on the tokens of another model")


def source_of(settings, model: nn.Module | None = None, limit: int | None = None) -> dict:
    """Arguments of ``data.load``: those that are set, else those that the model was trained on.

    Args:
        settings: has ``data``, ``root``, ``size`` and ``limit``; None where unset.
        model: has ``notes``.
        limit: where neither says how many.

    Raises:
        InputError: sounds or clips where images are needed, or the other way round.
    """
    s = settings
    known = model.notes.get("data", {}) if model is not None and not s.data else {}
    asked = {"root": s.root, "size": s.size, "limit": s.limit}
    source = {"name": s.data or "fashion", "limit": limit}
    source |= {k: v for k, v in known.items() if k != "limit"}
    source |= {k: v for k, v in asked.items() if v is not None}
    gives = data.OTHERS.get(source["name"], "images")
    needs = "sounds" if getattr(s, "kind", None) == "speech" else "images"
    if gives != needs:
        raise InputError(f"{source['name']!r} gives {gives}, where {needs} are needed")
    return source | ({"root": str(source["root"])} if source.get("root") else {})
