"""The experiment of chapter 7: the same autoencoder, and only what is minimised differs.

    python tools/ladder.py                      # all that is missing; some hours on two cores
    python tools/ladder.py --only ladder        # no priors, no ablation
    python tools/ladder.py --seeds 1 --steps 200 --out /tmp/try    # a quick look

Every run leaves its model and its result, NAME.safetensors and NAME.json, in the folder (default:
runs/ladder). What is there already, made by the same recipe, is not made again, so that the command
can be stopped at any time. At the end all results are collected in vqedu/assets/results/ladder.json
(with --out: in that folder), and printed as a table.
"""

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from vqedu import cards, checkpoints, data, metrics, recipes, results
from vqedu.errors import CheckpointError
from vqedu.files import read_json, write_json
from vqedu.plots import stated
from vqedu.recipes import Recipe
from vqedu.training import select_device

DATA = ("fashion", "photos")
MOST_SEEDS = 10  # an interval of so many is in vqedu.results
SEEN = 2000  # images of the training set on which the rungs are measured as well
ENDS = ("squared", "adversarial")  # whose tokens get a prior
ABLATION = {  # what is changed in the uppermost rung, on clothes
    "without R1": {"r1": 0.0},
    "LeCam instead of R1": {"r1": 0.0, "lecam": 0.1},
    "w = 0.8": {"adversarial_weight": 0.8},
    "w = 0.8, without R1": {"adversarial_weight": 0.8, "r1": 0.0},
    "without perceptual": {"perceptual_weight": 0.0},
    "without warm-up": {"warmup": 0.0},
    "from the first step": {"start": 0.0, "warmup": 0.0},
    "transposed convolutions": {"upsampling": "transposed"},
    "last weights": {"average": 0.0},
    "Adam (0.9, 0.999)": {"betas": (0.9, 0.999)},
}


@dataclass(frozen=True)
class Job:
    """One run: a rung on one data set with one seed, or a prior over its tokens."""

    group: str  # "ladder", "prior" or "ablation"
    data: str
    rung: str
    recipe: Recipe

    @property
    def name(self) -> str:
        words = "".join(c if c.isalnum() else "_" for c in self.rung)
        return f"{self.group}-{self.data}-{words}-{self.recipe.seed}"


def jobs(options) -> list[Job]:
    """All runs that were asked for, autoencoders before the priors that need them."""
    todo = []
    for seed in range(options.seeds):
        for name in options.data:
            for rung in recipes.LADDER:
                recipe = replace(recipes.rung(rung, name), seed=seed)
                todo.append(Job("ladder", name, rung, recipe))
    for seed in range(options.seeds):
        for name in options.data:
            for rung in ENDS:
                file = options.out / f"ladder-{name}-{rung}-{seed}.safetensors"
                recipe = replace(recipes.LADDER_PRIOR, tokenizer=str(file), seed=seed)
                todo.append(Job("prior", name, rung, recipe))
    for seed in range(options.seeds):
        for rung, change in ABLATION.items():
            recipe = replace(recipes.rung("adversarial"), seed=seed, **change)
            todo.append(Job("ablation", "fashion", rung, recipe))
    if options.steps:
        todo = [replace(job, recipe=replace(job.recipe, steps=options.steps)) for job in todo]
    return [job for job in todo if job.group in options.only]


def settled(job: Job, folder: Path) -> dict | None:
    """The result of an earlier run of the same recipe; a setting that there was not yet then had
    what is its default now."""
    result = read_json(folder / f"{job.name}.json")
    defaults = plain(Recipe(job.recipe.kind))
    if not result or defaults | result["recipe"] != plain(job.recipe):
        return None
    if job.group == "prior":  # of the tokens of the model that is there now?
        try:
            made_for = checkpoints.load(folder / f"{job.name}.safetensors").notes["tokenizer"]
            now = checkpoints.fingerprint(checkpoints.load(job.recipe.tokenizer))
        except CheckpointError:
            return None
        return result if made_for == now else None
    return result


def plain(recipe: Recipe) -> dict:
    """As JSON gives it back; a tokenizer by its file's name, wherever the folder is."""
    settings = json.loads(json.dumps(asdict(recipe)))
    return settings | {"tokenizer": Path(recipe.tokenizer).stem}


def run(job: Job, folder: Path, threads: int) -> dict:
    """Train, measure on the test images, and write both files."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    model, history = recipes.train(job.recipe, progress=False)
    if model.notes["steps"] < job.recipe.steps:  # by Ctrl-C: no result
        raise KeyboardInterrupt(f"{job.name} was stopped")
    trained = time.perf_counter() - start
    result = {"group": job.group, "data": job.data, "rung": job.rung, "seed": job.recipe.seed}
    result |= {"recipe": plain(job.recipe), "metrics": cards.measure(model)}
    if job.group == "ladder":
        result["seen"] = cards.measure(model, split="train", limit=SEEN)
    result |= {"seconds": round(trained, 1), "made_with": model.notes["made_with"]}
    result["curves"] = thinned(history)
    checkpoints.save(model, folder / f"{job.name}.safetensors", **model.notes)
    write_json(folder / f"{job.name}.json", result)
    return result


def thinned(history, every: int = 25) -> dict[str, list[float]]:
    """Means over stretches of the training: enough for a curve."""
    curves = {}
    for name, values in history.terms.items():
        parts = [values[i : i + every] for i in range(0, len(values), every)]
        means = [sum(part) / len(part) for part in parts]
        curves[name] = [None if value != value else float(f"{value:.4g}") for value in means]
    return curves


def timing(name: str, steps: int = 30) -> dict[str, float]:
    """Seconds a step of each rung: one step of each in turn, so that whatever else the machine does
    falls on all of them; the median."""
    from vqedu.run import Batches, Interrupt, Run

    device, runs, times = select_device(), {}, {}
    images = data.load(name, size=32)
    for rung in recipes.LADDER:
        r = replace(recipes.rung(rung, name), start=0.0, warmup=0.0, steps=steps)
        model, objective = recipes.build(r, images)
        settings = {"steps": steps, "lr": r.lr, "betas": r.betas, "warmup": 20, "seed": 0}
        settings |= {"average": r.average, "precision": "no", "batch_size": r.batch_size}
        settings |= {"accumulate": 1, "items": len(images)}
        runs[rung], times[rung] = Run(model, objective, settings, device), []
    sampler = Batches(len(images), r.batch_size, 1, seed=0, first=0, last=steps)
    idle = Interrupt()  # hears nothing
    for batch in torch.utils.data.DataLoader(images, batch_sampler=sampler):
        for rung, one in runs.items():
            start = time.perf_counter()
            one.update([batch], idle)
            if device.type != "cpu":  # Adam and the moving average are still at work
                getattr(torch, device.type).synchronize()
            times[rung].append(time.perf_counter() - start)
    return {rung: sorted(values)[len(values) // 2] for rung, values in times.items()}


def floor(name: str) -> float:
    """Fréchet distance of real training images to the test images: what perfect samples have."""
    train, test = (data.load(name, split, size=32, limit=SEEN) for split in ("train", "test"))
    judge = metrics.load_evaluator(cards.JUDGES[test.images.shape[1]])
    return metrics.frechet_distance(test, train.tensor(), judge).value


def collect(results_of: list[dict], timings: dict, floors: dict) -> dict:
    """All results, in one order, without the seeds' curves but the first."""
    kept = []
    for result in results_of:
        first = result["seed"] == 0 and result["group"] == "ladder"
        kept.append(result if first else {k: v for k, v in result.items() if k != "curves"})
    return {"runs": kept, "seconds_a_step": timings, "floor": floors}


def table(found: dict) -> str:
    """Markdown: mean and 95 % interval of every measure."""
    lines = []
    for group in dict.fromkeys(r["group"] for r in found["runs"]):
        for name in DATA:
            runs = [r for r in found["runs"] if (r["group"], r["data"]) == (group, name)]
            if not runs:
                continue
            columns = [k for k, v in runs[0]["metrics"].items() if not isinstance(v, str)]
            evaluator = runs[0]["metrics"]["evaluator"]
            lines += [f"\n**{group}, {name}** (features: {evaluator})\n"]
            lines += ["| | " + " | ".join([*columns, "seconds", "seeds"]) + " |"]
            lines += ["|---" * (len(columns) + 3) + "|"]
            for rung in dict.fromkeys(r["rung"] for r in runs):
                mine = [r for r in runs if r["rung"] == rung]
                cells = [stated([r["metrics"][c] for r in mine]) for c in columns]
                cells += [stated([r["seconds"] for r in mine]), str(len(mine))]
                lines.append(f"| {rung} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, groups = parser.add_argument, ("ladder", "prior", "ablation")
    add("--data", nargs="+", choices=DATA, default=DATA, help="default: both")
    add("--only", nargs="+", choices=groups, default=groups, help="default: all")
    seeds = {"type": int, "choices": range(1, MOST_SEEDS + 1), "metavar": "N"}
    add("--seeds", **seeds, default=3, help="seeds 0 to N - 1 (default: 3)")
    add("--steps", type=int, help="default: the recipes'")
    add("--jobs", type=int, help="runs at a time (default: one a core; with a GPU, 1)")
    add("--out", type=Path, help="default: runs/ladder")
    options = parser.parse_args()
    elsewhere = options.out is not None
    if options.steps and not elsewhere:
        parser.error("--steps makes other runs: name a folder for them with --out")
    options.out = options.out or Path("runs/ladder")
    options.out.mkdir(parents=True, exist_ok=True)
    gpu = select_device().type != "cpu"
    at_once = options.jobs or (1 if gpu else os.cpu_count() or 1)
    threads = int(os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // at_once))
    todo = jobs(options)
    found = {job: result for job in todo if (result := settled(job, options.out))}
    print(f"{len(todo)} runs, {len(found)} of them done before; {at_once} at a time", flush=True)
    start = time.perf_counter()
    for first in (True, False):  # priors need their tokenizers
        part = [job for job in todo if (job.group != "prior") == first]
        part = [job for job in part if not settled(job, options.out)]
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(at_once, context)
        try:
            running = {pool.submit(run, job, options.out, threads): job for job in part}
            for done in as_completed(running):
                job = running[done]
                found[job] = done.result()
                short = {
                    k: f"{v:.4g}" for k, v in found[job]["metrics"].items() if k != "evaluator"
                }
                minutes = (time.perf_counter() - start) / 60
                print(
                    f"{minutes:5.1f} min  {len(found)}/{len(todo)}  {job.name}: {short}", flush=True
                )
        finally:
            pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C nothing further begins
    target = (options.out if elsewhere else results.FOLDER) / "ladder.json"
    before = read_json(target) or {}
    timings = before.get("seconds_a_step", {}) | {name: timing(name) for name in options.data}
    floors = before.get("floor", {}) | {name: floor(name) for name in options.data}
    # what earlier calls made belongs to the table
    options.only, options.data, options.seeds = groups, DATA, MOST_SEEDS
    every = [settled(job, options.out) for job in jobs(options)]
    collected = collect([result for result in every if result], timings, floors)
    target.parent.mkdir(exist_ok=True)
    write_json(target, collected, indent=1)
    print(table(collected))
    print(f"\nwrote {target}")


if __name__ == "__main__":
    main()
