"""Run chapters and keep their outputs, stamped with what they were run from and on.

    python tools/execute_chapters.py            # the chapters whose code changed since their stamp
    python tools/execute_chapters.py --all
    python tools/execute_chapters.py chapters/05_vqvae.ipynb

The stamp lies in the notebook's metadata under ``vqedu``: a hash of the code cells, the versions,
the device and the seconds. ``tests/chapters`` fails when the hash no longer fits the code.
"""

import argparse
import base64
import hashlib
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "site"))

import book  # noqa: E402

CHAPTERS = ROOT / "chapters"
VERSIONS = ("torch", "torchvision", "numpy")


def code_hash(notebook) -> str:
    """A hash of the code cells in order; prose may change without a new run."""
    sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:16]


def is_stale(notebook) -> bool:
    """True when the outputs were not made from the code as it is now."""
    return notebook["metadata"].get("vqedu", {}).get("code_hash") != code_hash(notebook)


def execute(path: Path, timeout: int) -> float:
    """Run one notebook in place; written only when it ran through. Returns seconds."""
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": CHAPTERS}},
        extra_arguments=["--log-level=ERROR"],
    )
    if sys.stdout.isatty():
        client.on_cell_start = lambda cell, cell_index: print(
            f"\r  {path.name}: cell {cell_index + 1} of {len(notebook.cells)} ", end="", flush=True
        )
    client.execute()
    seconds = time.perf_counter() - start
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # time stamps: noise in every diff
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata["vqedu"] = stamp(notebook, seconds)
    draft = path.with_suffix(".ipynb.draft")
    nbformat.write(notebook, draft)
    os.replace(draft, path)
    save_pictures(notebook, path.parent)
    return seconds


def save_pictures(notebook, folder: Path) -> None:
    """Write the figure of a cell whose metadata say ``vqedu: {save: images/x.png}`` to that file:
    the README shows what a chapter really drew."""
    for cell in notebook.cells:
        target = cell.metadata.get("vqedu", {}).get("save")
        if target:
            pngs = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
            (folder / target).write_bytes(base64.b64decode(pngs[-1]))


def stamp(notebook, seconds: float) -> dict:
    """What the outputs were made from and on."""
    import torch

    from vqedu.training import select_device

    device = select_device().type
    if device == "cuda":
        device = torch.cuda.get_device_name()
    elif device == "cpu":
        device = f"CPU, {torch.get_num_threads()} threads ({platform.machine()})"
    return {
        "code_hash": code_hash(notebook),
        "versions": {"python": platform.python_version(), **{n: version(n) for n in VERSIONS}},
        "device": device,
        "seconds": round(seconds),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", type=Path, help="default: those that changed")
    parser.add_argument("--all", action="store_true", help="run every chapter")
    options = parser.parse_args()
    contents = book.load_or_exit()
    paths = options.chapters or [CHAPTERS / f"{name}.ipynb" for name in contents.chapters]
    if not (options.all or options.chapters):
        paths = [p for p in paths if is_stale(nbformat.read(p, as_version=4))]
    if not paths:
        print("Every chapter's outputs fit its code; nothing to run (ALL=1 runs them all).")
    for path in paths:
        try:
            print(
                f"\r  {path.name}: {execute(path, contents.execution.cell_timeout):.0f} s"
                + " " * 20
            )
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"\n{path.name} failed and was left as it was:\n{error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
