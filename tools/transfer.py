"""The experiment of chapter 9, section 9.4: a tokenizer of photographs learns clothes.

    python tools/transfer.py                    # all that is missing; half an hour on one core
    python tools/transfer.py --seeds 1 --steps 2 --out /tmp/try    # a quick look

With few images of clothes and with many, the model of photographs is trained on, all of it or all
but its codebook, and an equal network is trained from scratch on the same images for as many steps.
Every run leaves its result, NAME.json, in the folder (default: runs/transfer). What is there
already, made by the same recipe, is not made again, so that the command can be stopped at any time.
At the end all results are collected in vqedu/assets/results/transfer.json (with --out: in that
folder), and printed as a table.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn
from torch.utils.data import TensorDataset

from vqedu import autoencoders, cards, checkpoints, data, metrics, results
from vqedu.files import read_json, write_json
from vqedu.objectives import VQVAEObjective, mean_psnr
from vqedu.plots import stated
from vqedu.training import fit, seed_everything, surroundings

SOURCE, TARGET = "squared-photos", "fashion"
WAYS = ("trained on", "codebook kept", "from scratch")
IMAGES, STEPS = (50, 500, 5000), (60, 400)
LONGER = 1600  # steps, of the first seed alone, of the first and the last of WAYS
MOST_SEEDS = 10  # an interval of so many is in vqedu.results
TESTED = 200  # held-out images
SETTINGS = {"batch_size": 16, "lr": 2e-3, "betas": (0.5, 0.9), "warmup": 20, "average": 0.99}


@dataclass(frozen=True)
class Job:
    """One training: how, on how many images, for how long."""

    way: str
    images: int
    steps: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.way.replace(' ', '_')}-{self.images}-{self.steps}-{self.seed}"


def jobs(options) -> list[Job]:
    """All runs that were asked for, one seed after another."""
    todo = [
        Job(way, images, steps, seed)
        for seed in range(options.seeds)
        for steps in ([options.steps] if options.steps else STEPS)
        for images in IMAGES
        for way in WAYS
    ]
    if not options.steps:
        todo += [Job(way, images, LONGER, 0) for images in IMAGES[::2] for way in WAYS[::2]]
    return todo


def recipe(job: Job) -> dict:
    """All that decides a result, as JSON gives it back."""
    made_from = {"source": SOURCE, "target": TARGET, "tested": TESTED}
    return json.loads(json.dumps(asdict(job) | made_from | SETTINGS))


def settled(job: Job, folder: Path) -> dict | None:
    """The result of an earlier run of the same recipe."""
    result = read_json(folder / f"{job.name}.json")
    return result if result and result.get("recipe") == recipe(job) else None


def clothes(split: str, limit: int, seed: int = 0) -> data.ImageSet:
    """Clothes at the size of the patches of photographs, their grey three times over as colour.

    Args:
        split: ``"train"`` or ``"test"``.
        limit: how many.
        seed: which of them are drawn.
    """
    images = data.load(TARGET, split, size=32, limit=limit, seed=seed)
    return replace(images, images=images.images.expand(-1, 3, -1, -1))


def prepared(way: str) -> nn.Module:
    """The model before its training: one of WAYS. The first weights of "from scratch" are drawn."""
    model = checkpoints.load(SOURCE)
    if way == "from scratch":
        config = {k: v for k, v in model.config.items() if k != "builder"}
        return autoencoders.vqvae(**config)
    if way == "codebook kept":
        model.quantizer.learn = lambda vectors, indices: None
    return model


def run(job: Job, folder: Path, test: data.ImageSet, judge: metrics.Evaluator) -> dict:
    """Train, measure on held-out images and on those of the training, and write the file."""
    images = clothes("train", job.images, job.seed)
    seed_everything(job.seed)
    model, started = prepared(job.way), time.perf_counter()
    training = {"steps": job.steps, "seed": job.seed, "device": "cpu", "progress": False}
    x = images.tensor()
    objective = VQVAEObjective(images.variance)
    history = fit(model, objective, TensorDataset(x), **training, **SETTINGS)
    if history["step"][-1] < job.steps:  # by Ctrl-C: no result
        raise KeyboardInterrupt(f"{job.name} was stopped")
    result = {"recipe": recipe(job), "seconds": round(time.perf_counter() - started, 1)}
    result |= measured(model, test, judge) | {"seen": seen(model, x[:TESTED])}
    result["made_with"] = surroundings("cpu")
    write_json(folder / f"{job.name}.json", result)
    return result


def measured(model: nn.Module, test: data.ImageSet, judge: metrics.Evaluator) -> dict:
    """PSNR, the judge's distance, and the share of the codes in use."""
    report = metrics.evaluate(model, test, perceptual=judge.distance())
    values = {"psnr": report.psnr, "distance": report.perceptual.value}
    return {k: round(v, 4) for k, v in (values | {"codes_used": report.usage.used}).items()}


def seen(model: nn.Module, x) -> float:
    """PSNR on images of the training."""
    return round(mean_psnr(x, model.reconstruct(x)).item(), 4)


def table(found: dict) -> str:
    """Markdown: mean and 95 % interval of each measure."""
    measures = ("psnr", "distance", "codes_used", "seen")
    source = found["source"]
    lines = ["| steps | images | | " + " | ".join([*measures, "seeds"]) + " |"]
    lines += ["|---" * (len(measures) + 4) + "|"]
    lines += ["| 0 | 0 | as it was | " + " | ".join(f"{source[k]:.4g}" for k in measures[:3])]
    lines[-1] += " | | |"
    cases = dict.fromkeys(
        (r["recipe"]["steps"], r["recipe"]["images"], r["recipe"]["way"]) for r in found["runs"]
    )
    for case in cases:
        keys = ("steps", "images", "way")
        mine = [r for r in found["runs"] if tuple(r["recipe"][k] for k in keys) == case]
        cells = [stated([r[m] for r in mine]) for m in measures]
        lines.append(f"| {' | '.join(map(str, case))} | {' | '.join(cells)} | {len(mine)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    seeds = {"type": int, "choices": range(1, MOST_SEEDS + 1), "metavar": "N"}
    add("--seeds", **seeds, default=3, help="seeds 0 to N - 1 (default: 3)")
    add("--steps", type=int, help="instead of the experiment's")
    add("--out", type=Path, help="default: runs/transfer")
    options = parser.parse_args()
    elsewhere = options.out is not None
    if options.steps and not elsewhere:
        parser.error("--steps makes other runs: name a folder for them with --out")
    folder = options.out or Path("runs/transfer")
    folder.mkdir(parents=True, exist_ok=True)
    test, judge = clothes("test", TESTED), metrics.load_evaluator(cards.JUDGES[3])
    todo, runs, start = jobs(options), [], time.perf_counter()
    for job in todo:
        runs.append(settled(job, folder) or run(job, folder, test, judge))
        minutes, last = (time.perf_counter() - start) / 60, runs[-1]
        short = f"{last['psnr']:.2f} dB, distance {last['distance']:.3f}"
        print(f"{minutes:5.1f} min  {len(runs)}/{len(todo)}  {job.name}: {short}", flush=True)
    if not elsewhere:  # what earlier calls made belongs to the table
        options.seeds = MOST_SEEDS
        runs = [result for job in jobs(options) if (result := settled(job, folder))]
    found = {"source": measured(checkpoints.load(SOURCE), test, judge), "runs": runs}
    target = (folder if elsewhere else results.FOLDER) / "transfer.json"
    target.parent.mkdir(exist_ok=True)
    write_json(target, found, indent=1)
    print(table(found))
    print(f"\nwrote {target}")


if __name__ == "__main__":
    main()
