"""Model cards: what a model is, how it was made, how well it does, and what it is not good for.

A card is made from what :func:`vqedu.checkpoints.save` kept beside the weights, so that it cannot
say something else than the file. ``tools/release.py`` measures and writes them; all of them stand
on the page "The trained models" of the site. The form follows Mitchell et al. 2019.
"""

import torch
from torch import Tensor, nn

from . import checkpoints, data, metrics, priors, speech
from .adversarial import Generator
from .autoencoders import VAE, VQAutoencoder
from .errors import InputError
from .inference import device_of
from .objectives import ELBOObjective
from .priors.base import AutoregressivePrior, Prior
from .recipes import check_tokenizer, load_autoencoder
from .training import seed_everything

JUDGES = {1: "evaluator-fashion", 3: "efficientnet-lite0-96"}  # by channels; no loss saw them
SAMPLES = 2000  # as many as there are test images

LABELS = {  # of what is measured
    "psnr": "PSNR [dB]",
    "ssim": "SSIM",
    "perceptual": "perceptual distance",
    "frechet": "Fréchet distance of the reconstructions",
    "sharpness": "sharpness (the originals': 1)",
    "codes_used": "share of the codes in use",
    "perplexity": "perplexity of the codes",
    "bits_per_image": "bits an image",
    "bits_per_token": "bits a token",
    "bits_per_dimension": "bits of tokens per number in the image",
    "sample_frechet": "Fréchet distance of samples",
    "nll": "−ELBO [nats an image]",
    "accuracy": "accuracy",
    "bits_per_sound": "bits a sound",
    "digit_heard": "share of converted sounds in which the word is heard",
    "voice_heard": "share of converted sounds in which the new voice is heard",
    "source_heard": "share of converted sounds in which the old voice is heard",
}
DATA = {
    "fashion": (
        "the 10,000 training images of Fashion-MNIST that come with the package (Xiao et al. "
        "2017; MIT licence), measured on its 2,000 test images"
    ),
    "photos": (
        "10,000 patches of three photographs of scikit-image (public domain or CC0), measured on "
        "2,000 patches of two others"
    ),
    "moving": (
        "4,000 clips of eight frames, items of Fashion-MNIST that move over dark patches of "
        "scikit-image's photographs; measured on 500 of test items over test photographs"
    ),
    "digits": (
        "560 spoken digits that come with the package, by eight voices of eSpeak NG, measured on "
        "160 others by the same voices; what is heard, by linear probes trained on the former"
    ),
}
LIMITS = {
    "moving": "It knows one piece of clothing of twelve pixels that moves straight and bounces.",
    "digits": "Ten words and eight voices, all of them synthetic: no model of human speech.",
    "speech": "The way back from spectrogram to sound guesses the phase, and is heard to.",
    "fashion": "It knows ten kinds of clothes on black, and nothing else.",
    "photos": (
        "Three photographs are little to learn from: other textures and colours than theirs come "
        "out less well."
    ),
    "vqvae": "Fine detail is blurred away. Alone it cannot draw new images: that takes a prior.",
    "vqgan": (
        "Fine detail is plausible, not true: letters, patterns and anything else that must be "
        "right may be made up. Not for images that somebody will measure or judge by."
    ),
    "pixelcnn": "It fits the tokens of its own tokenizer only.",
    "transformer": "It fits the tokens of its own tokenizer only.",
    "maskgit": "It fits the tokens of its own tokenizer only, and its sampler has no likelihood.",
    "vae": "Its images are blurred.",
    "gan": "It has no encoder, and leaves out part of what there is.",
    "loss": "Small, and trained on little: it stands in for LPIPS, and is not LPIPS.",
    "evaluation": "Distances in its features compare with each other only; they are no FID.",
}


@torch.no_grad()
def measure(
    model: nn.Module,
    judge: str | metrics.Evaluator | None = None,
    *,
    split: str = "test",
    limit: int | None = None,
) -> dict:
    """Measure a model of the course on images of its data set: unless asked, on held-out ones.

    Args:
        model: loaded or just trained; its ``notes`` name the data, and a prior's its tokenizer.
        judge: the evaluator; None: that of JUDGES for the images' channels.
        split: ``"test"``, or ``"train"`` for what the model has seen.
        limit: how many images; None: all.

    Returns:
        Numbers by the keys of LABELS, and ``"evaluator"``, the name of the network that
        perceptual and Fréchet distances were measured with.

    Raises:
        InputError: a model of another kind, or an evaluator that cannot measure it.
    """
    if isinstance(model, speech.SpeechVQVAE):
        return speech.measure(
            model, *(data.load(split=s, **model.notes["data"]) for s in ("train", "test"))
        )
    if not isinstance(model, (VQAutoencoder, VAE, Generator, Prior)):
        raise InputError(f"no measures for a {type(model).__name__}")
    tokenizer = model
    if isinstance(model, Prior):
        tokenizer = load_autoencoder(model.notes["recipe"]["tokenizer"])
        check_tokenizer(model, tokenizer)
    source = {k: v for k, v in model.notes["data"].items() if k != "limit"}
    images = data.load(split=split, limit=limit, **source)
    judge = metrics.load_evaluator(judge or JUDGES[images.images.shape[1]])
    if isinstance(model, VQAutoencoder):
        found = _reconstructions(model, images, judge)
    else:
        seed_everything(0)
        drawn = _samples(model, tokenizer)
        found = {"sample_frechet": metrics.frechet_distance(images, drawn, judge).value}
        if isinstance(model, AutoregressivePrior):
            tokens = metrics.tokenize(tokenizer, images)
            bits = priors.bits(model, tokens, images.labels).mean().item()  # one pass for both
            found["bits_per_token"] = bits / tokens[0].numel()
            found["bits_per_dimension"] = bits / images.images[0].numel()
        if isinstance(model, VAE):
            found["nll"] = _negative_elbo(model, images)
    return found | {"evaluator": judge.name}


def _reconstructions(model: VQAutoencoder, test: data.ImageSet, judge) -> dict:
    report = metrics.evaluate(model, test, evaluator=judge, perceptual=judge.distance())
    return {
        "psnr": report.psnr,
        "ssim": report.ssim,
        "perceptual": report.perceptual.value,
        "frechet": report.frechet.value,
        "sharpness": report.sharpness,
        "codes_used": report.usage.used,
        "perplexity": report.usage.perplexity,
        "bits_per_image": report.bits_per_image,
    }


def _samples(model: nn.Module, tokenizer: nn.Module) -> Tensor:
    """SAMPLES images; a prior's of all classes in turn."""
    if isinstance(model, (VAE, Generator)):
        return model.sample(SAMPLES).cpu()
    labels = torch.arange(SAMPLES) % model.num_classes
    parts = [tokenizer.decode_indices(model.sample(part)) for part in labels.split(250)]
    return torch.cat(parts).cpu()


def _negative_elbo(model: VAE, test: data.ImageSet) -> float:
    objective, parts = ELBOObjective(), test.tensor().to(device_of(model)).split(250)
    return sum(objective(model, x).total.item() * len(x) for x in parts) / len(test)


def card(name: str) -> str:
    """The card of a model that comes with the package, in Markdown.

    Raises:
        CheckpointError: no such model.
    """
    model = checkpoints.load(name)
    notes, parameters = model.notes, sum(p.numel() for p in model.parameters())
    builder = model.config["builder"]
    sizes = ", ".join(f"{k} {v}" for k, v in model.config.items() if k != "builder")
    source = notes["data"]["name"] if isinstance(notes["data"], dict) else notes["data"]
    kind = notes.get("kind", notes.get("purpose"))
    made = notes.get("made_with", {})
    if kind == "vqgan" and not notes["recipe"]["adversarial_weight"]:
        kind = "vqvae"  # without adversary detail is left out, not made up
    rows = [
        ("network", f"`{builder}`: {sizes}; {parameters:,} parameters"),
        ("made by", f"`{notes['command']}`"),
        ("data", DATA[source]),
        ("training", f"{notes['steps']} steps, seed {notes['seed']}{_duration(notes)}"),
        ("made with", ", ".join(f"{k} {v}" for k, v in made.items())),
        ("weights", f"SHA-256 {checkpoints.fingerprint(model)}"),
        ("licence", "MIT, as the package"),
        ("limits", f"{LIMITS[kind]} {LIMITS[source]}"),
    ]
    if "tokenizer" in notes:
        rows.insert(1, ("tokenizer", f"`{notes['recipe']['tokenizer']}`"))
    if "perceptual" in notes:
        rows.insert(2, ("perceptual network", f"`{notes['perceptual']}`"))
    found = notes.get("metrics", {k: notes[k] for k in ("accuracy",) if k in notes})
    lines = [f"## {name}\n", *(f"- **{what}**: {text}" for what, text in rows)]
    measured = {LABELS[k]: f"{v:.4g}" for k, v in found.items() if k != "evaluator"}
    judge = f" (features: `{found['evaluator']}`)" if "evaluator" in found else ""
    lines += [f"\n| measured{judge} | |", "|---|---|"]
    lines += [f"| {what} | {value} |" for what, value in measured.items()]
    return "\n".join(lines) + "\n"


def _duration(notes: dict) -> str:
    return f", {notes['seconds'] / 3600:.2f} hours" if "seconds" in notes else ""
