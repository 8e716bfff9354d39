"""Files that appear whole or not at all."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Write a file beside its place, and move it there when it is finished.

    What was at ``path`` stays until then, and stays if anything goes wrong: an error, Ctrl-C, or
    the power.

    Args:
        path: the file; its folder must exist.

    Yields:
        the path to write to, of an empty file in the same folder.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    if path.is_dir():  # or names none, as "."
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.touch()
        mode = draft.stat().st_mode  # what the umask allows; safetensors would shut others out
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())  # else a crash of the machine could leave an empty file
        draft.chmod(mode)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: str | Path, value: Any, indent: int | None = None) -> None:
    """Write a value as JSON, :func:`whole`; what is no JSON, or no file, raises as there."""
    with whole(path) as draft:
        draft.write_text(json.dumps(value, indent=indent) + "\n", "utf-8")


def read_json(path: str | Path) -> Any:
    """The value in a file, or None where there is no file or it is no JSON."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def reason(error: Exception) -> str:
    """Why a file cannot be written, in the system's words; torch's writer raises a RuntimeError
    on top of them."""
    if isinstance(error, RuntimeError) and isinstance(error.__context__, OSError):
        error = error.__context__
    return getattr(error, "strerror", None) or str(error)
