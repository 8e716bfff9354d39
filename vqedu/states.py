"""Training states on disk, so that a training that was killed goes on as if nothing had happened.

A state is one file, ``step-00000500.pt``, written whole or not at all. It holds tensors, numbers
and text only, and is read without running any code from it. The two newest are kept: should the
last one be damaged, the one before it is there.
"""

import random
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch

from . import processes
from .errors import CheckpointError, InputError
from .files import reason, whole

FORMAT = "vqedu-training-1"
KEEP = 2


def save_state(folder: str | Path, state: dict) -> Path:
    """Write ``state`` (with ``state["step"]``) into the folder, then delete all but the newest.

    Raises:
        CheckpointError: the folder or the file cannot be written; what was there stays.
    """
    folder = Path(folder)
    path = folder / f"step-{state['step']:08d}.pt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Of a process killed while it wrote. Here they pile up, as big as a state each; and the
        # folder is one training's own, where nobody else is writing, as in no other folder.
        for left in folder.glob(".step-*.part"):
            left.unlink()
        with whole(path) as draft, draft.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
        for old in states(folder)[KEEP:]:
            old.unlink()
    except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError on a full disk
        raise CheckpointError(f"cannot write the training state {path}: {reason(error)}") from error
    return path


def states(folder: str | Path) -> list[Path]:
    """The folder's training states, the newest first."""
    return sorted(Path(folder).glob("step-*.pt"), reverse=True)


def newest_state(folder: str | Path) -> dict | None:
    """The newest state that can be read, or None where there is none. Warns of damaged ones and
    puts them aside, so that they do not count as states any more.

    Raises:
        CheckpointError: all of them are damaged.
    """
    paths = states(folder)
    for path in paths:
        try:
            with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums itself
                damaged = archive.testzip()
            state = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
        except Exception:  # there is nothing that a damaged file cannot raise
            state = None
        if isinstance(state, dict) and state.get("format") == FORMAT:
            return state
        warnings.warn(f"{path} is damaged; trying the one before it", stacklevel=2)
        if processes.rank() == 0 and path.exists():
            path.rename(path.with_suffix(".damaged"))
    if paths:
        raise CheckpointError(f"none of the training states in {folder} can be read")
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


def random_state(device: torch.device) -> dict:
    """The state of the generators that training may draw from: torch's on the CPU and on the
    device, for each process, and Python's and NumPy's of this one."""
    numbers = np.random.get_state()
    mine = {"cpu": torch.get_rng_state()}
    if device.type in ("cuda", "mps"):
        mine[device.type] = getattr(torch, device.type).get_rng_state()
    return {
        # Gathered on the device: the GPUs' way of talking knows no other tensors.
        "torch": {
            name: processes.gathered(state[None].to(device)).cpu() for name, state in mine.items()
        },
        "python": random.getstate(),
        "numpy": (numbers[0], torch.from_numpy(numbers[1].astype(np.int64)), *numbers[2:]),
    }


def restore_random_state(state: dict, device: torch.device) -> None:
    """The reverse of :func:`random_state`, with as many processes as then."""
    for name, states_of_all in state["torch"].items():
        mine = states_of_all[processes.rank()].clone()  # torch crashes on a view into a tensor
        if name == "cpu":
            torch.set_rng_state(mine)
        elif name == device.type:
            getattr(torch, name).set_rng_state(mine)
    if processes.rank() == 0:  # the others' were seeded apart from it, and stay so
        random.setstate(state["python"])
        name, numbers, *rest = state["numpy"]
        np.random.set_state((name, numbers.numpy().astype(np.uint32), *rest))
