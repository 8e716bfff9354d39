"""The whole check of the course, part by part, with the seconds that each takes.

    python tools/run_tests.py                 # everything
    python tools/run_tests.py lint units      # some parts only

Ends with 0 when every part passed. In CI (the variable CI is set) a missing Chromium is a failure.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "site"))

import book  # noqa: E402

BOOK = book.load_or_exit()
PY = sys.executable
PYTEST = [PY, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

PARTS = {
    "lint": [
        [PY, "-m", "ruff", "check", "-q", "."],
        [PY, "-m", "ruff", "format", "-q", "--check", "."],
    ],
    "units": [[*PYTEST, "-n", "2", "-m", "not site", "tests"]],
    "chapters": [
        [
            *PYTEST,
            "--nbval-lax",
            "--nbval-current-env",
            f"--nbval-cell-timeout={BOOK.execution.cell_timeout}",
            "--timeout=0",
            "--durations=5",
            *(f"chapters/{name}.ipynb" for name in BOOK.chapters),
        ]
    ],
    "site": [
        [PY, "site/book.py"],
        [PY, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html", "-c", "site"]
        + ["-d", "_build/doctrees", "chapters", "_build/html"],
    ],
    "pages": [[*PYTEST, "-m", "site", "tests/site"]],
}


def run(name: str) -> tuple[bool, float]:
    """Run one part's commands until one fails; returns (passed, seconds)."""
    # one thread a process where two processes share the cores
    threads = {"OMP_NUM_THREADS": "1"} if name == "units" else {}
    start = time.perf_counter()
    print(f"\n=== {name} " + "=" * (70 - len(name)), flush=True)
    passed = all(
        subprocess.run(command, cwd=ROOT, env=os.environ | threads).returncode == 0
        for command in PARTS[name]
    )
    return passed, time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"from: {', '.join(PARTS)}; default: all")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"unknown part {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    results = {name: run(name) for name in chosen}
    print("\n" + "=" * 75)
    for name, (passed, seconds) in results.items():
        print(f"  {name:<10} {'passed' if passed else 'FAILED':<8} {seconds:7.0f} s")
    total = sum(seconds for _, seconds in results.values())
    failed = sum(not passed for passed, _ in results.values())
    print(f"  {'together':<10} {'':<8} {total:7.0f} s\n")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
