"""What each notebook costs to run: processor time, seconds and memory, for those who run a class.

    python tools/notebook_costs.py                     # what is missing or has changed; 25 minutes
    python tools/notebook_costs.py --only 05_vqvae
    python tools/notebook_costs.py --table             # writes the tables of chapters/teaching.md

Every chapter, and the teacher's version of every assignment, runs in a kernel of its own. The
results lie in vqedu/assets/results/notebooks.json; a notebook whose code has not changed since is
not run again. Needs Linux or macOS.
"""

import argparse
import json
import math
import re
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

from vqedu.files import read_json, whole, write_json

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from execute_chapters import CHAPTERS, book, code_hash  # noqa: E402

RESULTS = ROOT / "vqedu" / "assets" / "results" / "notebooks.json"
GUIDE = CHAPTERS / "teaching.md"
CLASSES = ((30, 100), (30, 50), (500, 50), (500, 20))  # students, how many of 100 at once
WAIT = 15  # minutes in which all of them get through the longest notebook
ROOM = 1.3  # on top of the largest kernel
PROBE = r"""
import json, os, platform, re, resource, sys
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
if sys.platform == "darwin":
    peak = used[0].ru_maxrss / 2**20
else:  # where ru_maxrss is at least the memory of the process that started this one
    peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 2**10
import torch
name = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
print(json.dumps({
    "cpu_seconds": round(sum(u.ru_utime + u.ru_stime for u in used), 1),
    "megabytes": round(peak),
    "device": f"{name}, {torch.get_num_threads()} threads, {os.cpu_count()} cores",
}))
"""  # runs last, in the notebook's kernel


def notebooks() -> dict[str, Path]:
    """The chapters of the book, and the assignments as the teacher has them."""
    chapters = {name: CHAPTERS / f"{name}.ipynb" for name in book.load_or_exit().chapters}
    sources = sorted((ROOT / "assignments" / "source").glob("*/*.ipynb"))
    return chapters | {path.stem: path for path in sources if path.stem == path.parent.name}


def watch(client: NotebookClient, done: threading.Event, seen: list[int]) -> None:
    """Note the memory of the kernel and of all that it started, five times a second."""
    while not done.wait(0.2):
        try:
            kernel = psutil.Process(client.km.provisioner.pid)
            family = [kernel, *kernel.children(recursive=True)]
            seen.append(sum(process.memory_info().rss for process in family))
        except (AttributeError, TypeError, psutil.Error):
            pass  # not there yet, or gone


def measure(path: Path, timeout: int = 1800) -> dict:
    """Run a notebook, which stays as it is, and say what that cost."""
    notebook = nbformat.read(path, as_version=4)
    code = code_hash(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": path.parent}},
        extra_arguments=["--log-level=ERROR"],
    )
    done, seen = threading.Event(), [0]
    watcher = threading.Thread(target=watch, args=(client, done, seen))
    start = time.perf_counter()
    watcher.start()
    try:
        client.execute()
    finally:
        done.set()
        watcher.join()
    found = json.loads(notebook.cells[-1].outputs[-1]["text"])
    found["megabytes"] = max(found["megabytes"], round(max(seen) / 2**20))
    return found | {"seconds": round(time.perf_counter() - start, 1), "code_hash": code}


def tables(costs: dict) -> str:
    """What each notebook takes, and what a class needs, in Markdown."""
    lines = ["| notebook | processor time [s] | memory at its peak [GB] |", "|---|---|---|"]
    for name, cost in costs.items():
        lines.append(f"| `{name}` | {cost['cpu_seconds']:.0f} | {cost['megabytes'] / 1000:.1f} |")
    longest = max(cost["cpu_seconds"] for cost in costs.values())
    *_, next_, (largest, name) = sorted((cost["megabytes"], name) for name, cost in costs.items())
    each, less = (math.ceil(size / 1000 * ROOM) for size in (largest, next_[0]))
    devices = sorted({cost["device"] for cost in costs.values()})
    lines += ["", f"Measured on: {'; '.join(devices)}.", ""]
    lines += [f"Each student gets {each} GB; {less} GB are enough for all but `{name}`.", ""]
    lines += [f"| students | at once | memory at {each} GB | at {less} GB | cores |"]
    lines += ["|---|---|---|---|---|"]
    for students, share in CLASSES:
        users = math.ceil(students * share / 100)
        cores = math.ceil(users * longest / (WAIT * 60))
        memory = f"{users * each} GB | {users * less} GB"
        lines.append(f"| {students} | {users} ({share} %) | {memory} | {cores} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these notebooks, in any case")
    parser.add_argument("--table", action="store_true", help="write the guide's tables")
    options = parser.parse_args()
    costs = read_json(RESULTS) or {}
    paths = notebooks()
    if unknown := set(options.only or ()) - set(paths):
        parser.error(f"no such notebook: {', '.join(sorted(unknown))}")
    for name in () if options.table else options.only or paths:
        code = code_hash(nbformat.read(paths[name], as_version=4))
        if not options.only and costs.get(name, {}).get("code_hash") == code:
            continue
        print(f"{name:25}", end="", flush=True)
        costs[name] = measure(paths[name])
        costs = {each: costs[each] for each in paths if each in costs}
        write_json(RESULTS, costs, indent=1)
        print("{cpu_seconds:8.1f} s of processor time {megabytes:6} MB".format(**costs[name]))
    if options.table:
        text = re.sub(
            r"(?<=<!-- costs -->\n).*?(?=\n<!-- /costs -->)",
            lambda _: "\n" + tables(costs) + "\n",
            GUIDE.read_text("utf-8"),
            flags=re.S,
        )
        with whole(GUIDE) as draft:
            draft.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
