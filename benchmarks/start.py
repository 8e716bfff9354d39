"""How long a newcomer waits for nothing: the help text, and the import."""

import subprocess
import sys
import time

from timing import Row, median


def run(repeats: int = 5) -> list[Row]:
    helps, imports = [], []
    code = (
        "import torch, time; t = time.perf_counter(); import vqedu; print(time.perf_counter() - t)"
    )
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "vqedu", "--help"], check=True, capture_output=True)
        helps.append(time.perf_counter() - begun)
        out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        imports.append(float(out.stdout))
    return [
        Row("vqedu --help", median(helps), median(helps) / 0.5, "half a second", "<= 1"),
        Row("import vqedu, after torch", median(imports), median(imports) / 0.1, "0.1 s", "<= 1"),
    ]
