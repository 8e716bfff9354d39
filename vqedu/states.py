"""Training states on disk, so that a training that was killed goes on as if nothing had happened.

A state is one file, ``step-00000500.pt``, written whole or not at all. It holds tensors, numbers
and text only, and is read without running any code from it. The two newest are kept: should the
last one be damaged, the one before it is there.
"""

import os
import random
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch

from . import processes
from .errors import CheckpointError, InputError

FORMAT = "vqedu-training-1"
KEEP = 2


def save_state(folder: str | Path, state: dict) -> Path:
    """Write ``state`` (with ``state["step"]``) into the folder, then delete all but the newest.

    Raises:
        CheckpointError: the folder or the file cannot be written; what was there stays.
    """
    folder = Path(folder)
    path = folder / f"step-{state['step']:08d}.pt"
    draft = folder / f".{path.name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())  # else a crash of the machine could leave an empty file
        os.replace(draft, path)
        for old in states(folder)[KEEP:]:
            old.unlink()
    except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
        raise CheckpointError(f"cannot write the training state {path}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return path


def states(folder: str | Path) -> list[Path]:
    """The folder's training states, the newest first."""
    return sorted(Path(folder).glob("step-*.pt"), reverse=True)


def newest_state(folder: str | Path) -> dict | None:
    """The newest state that can be read; None where there is none. Warns of damaged ones."""
    for path in states(folder):
        try:
            with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums itself
                damaged = archive.testzip()
            state = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError):
            state = None
        if isinstance(state, dict) and state.get("format") == FORMAT:
            return state
        warnings.warn(f"{path} is damaged; trying the one before it", stacklevel=2)
    return None


def check_settings(saved: dict, now: dict) -> None:
    """Going on with other settings would be another training.

    Raises:
        InputError: naming each setting that differs.
    """
    different = [
        f"{name}={now[name]!r} instead of {saved.get(name)!r}"
        for name in now
        if now[name] != saved.get(name)
    ]
    if different:
        raise InputError(
            f"the saved training has other settings: {', '.join(different)}; "
            "use the same, or another folder"
        )


def random_state() -> dict:
    """The state of every generator that training may draw from: of torch on each process, of
    Python and NumPy on this one."""
    numbers = np.random.get_state()
    state = {
        "torch": processes.gathered(torch.get_rng_state()[None]),
        "python": random.getstate(),
        "numpy": (numbers[0], torch.from_numpy(numbers[1].astype(np.int64)), *numbers[2:]),
    }
    if torch.cuda.is_available():
        mine = torch.cuda.get_rng_state()[None].cuda()
        state["cuda"] = processes.gathered(mine).cpu()
    return state


def restore_random_state(state: dict) -> None:
    """The reverse of :func:`random_state`."""
    torch.set_rng_state(state["torch"][processes.rank()])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"][processes.rank()])
    random.setstate(state["python"])
    name, numbers, *rest = state["numpy"]
    np.random.set_state((name, numbers.numpy().astype(np.uint32), *rest))
