"""A model in one file: weights in safetensors, and in its header what is needed to build it."""

import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from .autoencoders import vqvae
from .errors import CheckpointError
from .priors import GatedPixelCNN

FORMAT = "vqedu-1"
BUILDERS = {"vqvae": vqvae, "GatedPixelCNN": GatedPixelCNN}


def save(model: nn.Module, path: str | Path, **notes) -> None:
    """Write a model's weights, buffers and configuration to one file.

    The file appears whole or not at all: it is written beside its place and then moved there.

    Args:
        model: built by one of ``BUILDERS`` (it carries ``model.config``).
        path: usually ends in ``.safetensors``; its folder must exist.
        notes: further facts worth keeping, such as ``steps=800``; anything JSON can hold.

    Raises:
        CheckpointError: a model without ``config``, or the file cannot be written.
    """
    path = Path(path)
    if not hasattr(model, "config"):
        raise CheckpointError(
            f"{type(model).__name__} has no config; build it with {', '.join(BUILDERS)}"
        )
    header = {"format": FORMAT, "config": json.dumps(model.config), "notes": json.dumps(notes)}
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.touch()
        mode = draft.stat().st_mode  # what the umask allows; safetensors would shut others out
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}") from error
    try:
        save_file(state, draft, metadata=header)
        draft.chmod(mode)
        os.replace(draft, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot write {path}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def load(path: str | Path) -> nn.Module:
    """Build the model that a file holds, in eval mode on the CPU, with ``model.notes``.

    Raises:
        CheckpointError: no such file, not a checkpoint of this package, cut short, or with
            weights that do not fit its configuration.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
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
        builder = BUILDERS.get(config.pop("builder"))
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: its header cannot be read: {error}") from error
    if builder is None:
        raise CheckpointError(f"{path} holds a model this version does not know; upgrade vqedu")
    try:
        model = builder(**config)
        model.load_state_dict(state)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: weights that do not fit its configuration: {error}"
        ) from error
    model.notes = notes
    return model.eval()
