"""A model in one file: weights in safetensors, and in its header what is needed to build it."""

import hashlib
import json
from importlib import import_module
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from .errors import CheckpointError, did_you_mean
from .files import reason, whole
from .published import from_taming as from_taming

FORMAT = "vqedu-1"
BUILDERS = {  # what builds a model, and the module it is found in
    "vqvae": "autoencoders",
    "vqgan": "autoencoders",
    "vae": "autoencoders",
    "speech_vqvae": "speech",
    "FeatureNet": "perceptual",
    "Generator": "adversarial",
    "PatchDiscriminator": "adversarial",
    "GatedPixelCNN": "priors",
    "Transformer": "priors",
    "MaskedTransformer": "priors",
    "video_vqvae": "video",
}
SHIPPED = Path(__file__).parent / "assets" / "models"


def shipped() -> list[str]:
    """The names of the models that come with the package, for :func:`load`."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def fingerprint(model: nn.Module) -> str:
    """SHA-256 of a model's weights and buffers with their names: 64 hexadecimal digits. Equal for
    equal weights, on any device and in any memory layout."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        value = value.detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def save(model: nn.Module, path: str | Path, **notes) -> None:
    """Write a model's weights, buffers and configuration to one file.

    The file appears whole or not at all: see :func:`vqedu.files.whole`.

    Args:
        model: built by one of ``BUILDERS`` (it carries ``model.config``).
        path: usually ends in ``.safetensors``; its folder must exist.
        notes: further facts worth keeping, such as ``steps=800``; anything JSON can hold.

    Raises:
        CheckpointError: a model without ``config``, a note that JSON cannot hold, or the file
            cannot be written.
    """
    if not hasattr(model, "config"):
        raise CheckpointError(
            f"{type(model).__name__} has no config; build it with {', '.join(BUILDERS)}"
        )
    for name, value in [("config", model.config), *notes.items()]:
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"cannot write {path}: {name} must fit JSON: {error}") from error
    header = {"format": FORMAT, "config": json.dumps(model.config), "notes": json.dumps(notes)}
    header["sha256"] = fingerprint(model)
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    try:
        with whole(path) as draft:
            save_file(state, draft, metadata=header)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot write {path}: {reason(error)}") from error


def load(path: str | Path) -> nn.Module:
    """Build the model that a file holds, in eval mode on the CPU, with ``model.notes``.

    Args:
        path: a file, or the name of a model that comes with the package: see :func:`shipped`.

    Raises:
        CheckpointError: no such file, not a checkpoint of this package, cut short or altered, or
            with weights that do not fit its configuration.
    """
    path = SHIPPED / f"{path}.safetensors" if str(path) in shipped() else Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}{did_you_mean(str(path), shipped())}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {error}") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} was not written by vqedu.checkpoints.save: its header says "
            f"format={header.get('format')!r}, not {FORMAT!r}"
        )
    try:
        config, notes = json.loads(header["config"]), json.loads(header["notes"])
        builder = str(config.pop("builder"))
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: its header cannot be read: {error}") from error
    if builder not in BUILDERS:
        raise CheckpointError(
            f"{path} holds a model this version does not know, {builder!r}; upgrade vqedu"
        )
    try:
        model = getattr(import_module(f".{BUILDERS[builder]}", __package__), builder)(**config)
        model.load_state_dict(state)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: weights that do not fit its configuration: {error}"
        ) from error
    if header.get("sha256", "") not in ("", fingerprint(model)):
        raise CheckpointError(f"{path} is damaged: its weights are not those that were saved")
    model.notes = notes
    return model.eval()
