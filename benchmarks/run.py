"""Every measurement in one run, into ``benchmarks/results.md``.

make bench                    # all of it, about ten minutes on two cores
python benchmarks/run.py quantizer start
"""

import argparse
import os
import platform
import sys
import time
from datetime import date
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

HERE = Path(__file__).parent
PARTS = {
    "quantizer": "Quantiser: a training step (N = 16,384 vectors of D = 64)",
    "vqgan_step": "VQGAN: a training step with the adaptive weight λ",
    "time_to_psnr": "Training until a given quality, Fashion-MNIST",
    "sampling": "Sampling 256 tokens",
    "start": "Start",
}
REMARKS = {
    "vqgan_step": """\
With VQGAN's network the autoencoder itself takes about half of the step, which no way of
computing λ can save; measured by the authors' training loop, the target is reached.""",
    "sampling": """\
A cached step for one image is held up by reading the weights, which the step without a cache reads
as well: hence a smaller ratio than with 8 images. MaskGIT's 8 steps work through 8 · 256 tokens,
the cached transformer through 256: it is ahead where the number of steps is what costs (one image,
or probably a GPU), not where arithmetic is (many images on a CPU).""",
}
PACKAGES = (
    "torch",
    "vector-quantize-pytorch",
    "x-transformers",
    "taming-transformers-rom1504",
)


def machine() -> str:
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        names = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
        ]
        cpu = names[0].split(":")[1].strip() if names else cpu
    return f"{cpu}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, no GPU used"


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def table(rows) -> str:
    lines = ["| | median | ratio | to what | target | reached | |", "|---|--:|--:|---|---|---|---|"]
    for r in rows:
        seconds = f"{r.seconds:.3g} s" if r.seconds >= 1 else f"{1000 * r.seconds:.3g} ms"
        ratio = "" if r.ratio is None else f"{r.ratio:.2f}"
        reached = {None: "", True: "yes", False: "**no**"}[
            r.reached if r.target and r.ratio is not None else (False if r.target else None)
        ]
        lines.append(
            f"| {r.what} | {seconds} | {ratio} | {r.versus} | {r.target} | {reached} | {r.note} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"from: {', '.join(PARTS)}")
    parser.add_argument("--repeats", type=int, help="default: each part's own")
    arguments = parser.parse_args()
    chosen = arguments.parts or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"unknown part {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    sections, begun = [], time.perf_counter()
    for part in chosen:
        print(f"{PARTS[part]} ...", file=sys.stderr, flush=True)
        options = {"repeats": arguments.repeats} if arguments.repeats else {}
        text = f"## {PARTS[part]}\n\n{table(import_module(part).run(**options))}\n"
        text += f"\n{REMARKS[part]}\n" if part in REMARKS else ""
        print(text, flush=True)
        sections.append(text)
    if not arguments.parts:  # parts alone are for looking, not for keeping
        head = (
            "# Measured speed\n\n"
            f"Written by `make bench` on {date.today()}, in {time.perf_counter() - begun:.0f} s. "
            f"{machine()}. {versions()}.\n\n"
            "Contestants take turns in one process; a median is of the repetitions, a ratio the "
            "median of the\nrepetitions' ratios. Absolute times of this machine vary by a factor "
            "of two; the ratios much less.\n"
        )
        (HERE / "results.md").write_text("\n".join([head, *sections]), encoding="utf-8")
        print(f"wrote {HERE / 'results.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
