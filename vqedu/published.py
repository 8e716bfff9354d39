"""VQGANs that others published: read their checkpoints into our autoencoder, by name and shape.

The names inside encoder and decoder are the same on both sides (:mod:`vqedu.backbones.vqgan`);
what is named otherwise is around the quantiser.
"""

import pickle
import re
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from .autoencoders import VQAutoencoder, vqgan
from .errors import CheckpointError, InputError

AROUND = {"encoder.quant_conv.": "quant_conv.", "decoder.post_quant_conv.": "post_quant_conv."}
QUANTIZERS = {  # ours -> theirs; the counters of our quantisers have no place in their files
    "vq": {"quantizer.codebook": "quantize.embedding.weight"},
    "gumbel": {
        "quantizer.codebook": "quantize.embed.weight",
        "quantizer.logits.weight": "quantize.proj.weight",
        "quantizer.logits.bias": "quantize.proj.bias",
    },
}
NO_PART_OF_THE_MODEL = ("loss.", "colorize")  # discriminator and LPIPS; a palette for figures
CONVERT = """On a machine where you trust the file, and with the packages it was written with:
    import torch
    state = torch.load("old.ckpt", map_location="cpu", weights_only=False)["state_dict"]
    torch.save({"state_dict": state}, "new.ckpt")"""


def from_taming(path: str | Path) -> VQAutoencoder:
    """Read a published VQGAN: of taming-transformers, or a vq first stage of latent-diffusion.

    The configuration is read off the names and shapes, so one call serves f4, f8 and f16, with any
    codebook or the Gumbel quantiser. Nothing in the file is executed: objects other than weights
    (Lightning's callbacks) come back as empty placeholders and are dropped.

    Args:
        path: a Lightning ``.ckpt`` (weights under ``"state_dict"``), a bare state dict, or a
            ``.safetensors`` with the same names.

    Returns:
        The model in eval mode on the CPU, in float32. Its quantiser, ``"vq"`` or ``"gumbel"``,
        keeps the published codebook: no k-means, no revival.

    Raises:
        CheckpointError: no such file, cut short, no checkpoint, another kind of model, or one that
            cannot be read without executing code.

    Source: Esser et al. 2021 and Rombach et al. 2022, with the authors' code. Used in
    ``chapters/06_vqgan``.
    """
    path = Path(path)
    state = _state_dict(path)
    config = _config(state)
    _check(path, state, config)
    model = vqgan(**config)
    ours = model.state_dict()
    for name, theirs in taming_names(model).items():
        ours[name].copy_(state[theirs].view_as(ours[name]))  # gumbel: (K, D, 1, 1) -> (K, D)
    return model.eval()


def to_taming(model: VQAutoencoder) -> dict[str, Tensor]:
    """The weights of a model as a published state dict; :func:`from_taming` is the inverse.

    Args:
        model: built by ``vqgan`` with ``quantizer="vq"`` or ``"gumbel"``.

    Raises:
        CheckpointError: any other model, for which there are no published names.
    """
    ours = model.state_dict()
    state = {theirs: ours[name] for name, theirs in taming_names(model).items()}
    if "quantize.proj.weight" in state:  # theirs is a 1×1 convolution: (K, D) -> (K, D, 1, 1)
        state["quantize.proj.weight"] = state["quantize.proj.weight"][:, :, None, None]
    return state


def taming_names(model: VQAutoencoder) -> dict[str, str]:
    """Our name -> the published name, for each weight that has one. Arguments and errors as for
    :func:`to_taming`."""
    config = getattr(model, "config", {})
    if config.get("builder") != "vqgan" or config.get("quantizer") not in QUANTIZERS:
        raise CheckpointError(
            f"only a vqgan whose quantizer is {' or '.join(QUANTIZERS)} has published names"
        )
    names = {}
    for name in model.state_dict():
        if not name.startswith("quantizer."):
            names[name] = name
            for ours, theirs in AROUND.items():
                names[name] = names[name].replace(ours, theirs)
    return names | QUANTIZERS[config["quantizer"]]


class _Placeholder:
    """Stands for any object in a file that is not a weight. Takes all arguments, keeps none."""

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __setstate__(self, state): ...


def _state_dict(path: Path) -> dict[str, Tensor]:
    """The weights of a file under their published names."""
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    if path.suffix == ".safetensors":
        try:
            content = load_file(path)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} is damaged or not a safetensors file: {error}"
            ) from error
    else:
        content = _unpickle(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    pairs = state.items() if isinstance(state, dict) else [(None, None)]
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in pairs):
        raise CheckpointError(f"{path} holds no state dict, neither at its top nor as 'state_dict'")
    return {k: v for k, v in pairs if not k.startswith(NO_PART_OF_THE_MODEL)}


def _unpickle(path: Path) -> object:
    """What ``torch.save`` wrote, with placeholders for everything that torch does not know."""
    is_zip, foreign = zipfile.is_zipfile(path), []
    try:
        if is_zip:
            foreign = sorted(get_unsafe_globals_in_checkpoint(str(path)))
        with safe_globals([(_Placeholder, name) for name in foreign]):
            # Mapped, what is not needed (an optimiser's state, often most of it) is never read
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        if not foreign and "GLOBAL" not in str(error):
            raise CheckpointError(f"{path} is cut short, or not a checkpoint at all") from error
        what = f" ({', '.join(foreign[:3])})" if foreign else ""
        raise CheckpointError(
            f"{path} holds objects besides weights{what} that cannot be read without executing "
            f"what the file says. {CONVERT}"
        ) from error
    except Exception as error:  # there is nothing that a damaged file cannot raise
        why = str(error).partition("\n")[0] or type(error).__name__
        raise CheckpointError(f"{path} is damaged, or not a checkpoint at all: {why}") from error


def _config(state: dict[str, Tensor]) -> dict:
    """The arguments of ``vqgan`` as names and shapes tell them. What the names do not tell is left
    out, so that the comparison in :func:`_check` can say what is missing."""

    def size(name: str, axis: int) -> int:
        shape = state[name].shape if name in state else ()
        return shape[axis] if len(shape) > axis else 0

    def count(pattern: str) -> int:
        return len({m[1] for name in state if (m := re.match(pattern, name))})

    width, levels = size("encoder.conv_in.weight", 0), count(r"encoder\.down\.(\d+)\.")
    widths = [size(f"encoder.down.{i}.block.0.conv1.weight", 0) for i in range(levels)]
    quantizer = "gumbel" if "quantize.proj.weight" in state else "vq"
    codebook = QUANTIZERS[quantizer]["quantizer.codebook"]
    config = {
        "in_channels": size("encoder.conv_in.weight", 1),
        "num_codes": size(codebook, 0),
        "code_dim": size(codebook, 1),
        "width": width,
        "multipliers": [channels // max(width, 1) for channels in widths],
        "res_blocks": count(r"encoder\.down\.0\.block\.(\d+)\."),
        "z_channels": size("encoder.conv_out.weight", 0),
    }
    config = {key: value for key, value in config.items() if value}
    attention = [i for i in range(levels) if f"encoder.down.{i}.attn.0.q.weight" in state]
    config |= {"attention_levels": attention, "quantizer": quantizer}
    config["mid_attention"] = "encoder.mid.attn_1.q.weight" in state
    return config | {"kmeans_init": False, "revive_after": 0}


def _check(path: Path, state: dict[str, Tensor], config: dict) -> None:
    """Raise CheckpointError unless names and shapes are exactly those of ``vqgan(**config)``."""
    try:
        with torch.device("meta"):  # shapes without memory
            wanted = {k: v.shape for k, v in to_taming(vqgan(**config)).items()}
    except InputError as error:
        raise CheckpointError(f"{path} is not a VQGAN that this package knows: {error}") from error
    shared = wanted.keys() & state.keys()
    faults = {
        "missing": wanted.keys() - shared,
        "not known": state.keys() - shared,
        "of another shape": {name for name in shared if state[name].shape != wanted[name]},
    }
    told = [f"{_some(names)} {what}" for what, names in faults.items() if names]
    if told:
        raise CheckpointError(f"{path} is not a VQGAN that this package knows: {'; '.join(told)}")


def _some(names: set[str]) -> str:
    first = ", ".join(sorted(names)[:3])
    return f"{first} and {len(names) - 3} more" if len(names) > 3 else first
