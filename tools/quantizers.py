"""The experiment of chapter 9: the same autoencoder at the same bits, another quantiser.

    python tools/quantizers.py                  # all that is missing; half an hour on one core
    python tools/quantizers.py --steps 20 --out /tmp/try           # a quick look

Every run leaves its result, NAME.json, in the folder (default: runs/quantizers). What is there
already, made with the same settings, is not made again, so that the command can be stopped at any
time. At the end all results are collected in vqedu/assets/results/quantizers.json (with --out: in
that folder), and those at 1024 codes printed as a table.

Runs take one CPU core each, one after the other, also where there is a GPU: "seconds a step" is
CPU time, so that other work on the machine does not count.
"""

import argparse
import itertools
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from vqedu import autoencoders, data, metrics, objectives, results, training
from vqedu.files import read_json, write_json
from vqedu.plots import stated

SETTINGS = {"steps": 400, "batch_size": 32, "width": 32, "code_dim": 16, "stride": 4}
LR = 4e-3
CODES = (1024, 16384, 64, 4096, 256)  # first what tells most
MIDDLE = 1024  # here with more seeds, and with other learning rates
SEEDS = (0, 1, 2)
OTHER_LRS = (2e-3, 8e-3, 1.6e-2)
BARE = {"kmeans_init": False, "revive_after": 0}
BARE_CODES = (1024, 16384)
QUANTIZERS = {  # name: the word for vqedu.quantizers.build, and options
    "vq": ("vq", {}),
    "ema": ("ema", {}),
    "rotation": ("rotation", {}),
    "cosine": ("cosine", {}),
    "sim": ("sim", {}),
    "gumbel": ("gumbel", {}),
    "fsq": ("fsq", {}),
    "lfq": ("lfq", {}),
    "residual": ("residual", {"num_quantizers": 2}),
    "vq, bare": ("vq", BARE),
    "ema, bare": ("ema", BARE),
    "rotation, bare": ("rotation", BARE),
    "cosine, bare": ("cosine", BARE),
}
MOST_CODES = {"gumbel": 1024}  # it holds an N×K matrix: a step at 4096 takes as long as 15 of EMA


@dataclass(frozen=True)
class Job:
    """One run."""

    name: str  # a key of QUANTIZERS
    codes: int  # K, as many as one position tells apart
    seed: int = 0
    lr: float = LR

    @property
    def file(self) -> str:
        words = self.name.replace(", ", "-")
        return f"{words}-{self.codes}-{self.seed}-{self.lr:g}.json"


def jobs() -> list[Job]:
    """All runs: every number of codes once, then seeds, then learning rates."""
    helped = [name for name in QUANTIZERS if "bare" not in name]
    todo = []
    for codes in CODES:
        names = QUANTIZERS if codes in BARE_CODES else helped
        todo += [Job(n, codes) for n in names if codes <= MOST_CODES.get(n, codes)]
    todo += [Job(name, MIDDLE, seed) for seed in SEEDS[1:] for name in QUANTIZERS]
    return todo + [Job(name, MIDDLE, lr=lr) for lr in OTHER_LRS for name in helped]


def recipe(job: Job, settings: dict) -> dict:
    """The arguments of :func:`vqedu.autoencoders.vqvae`."""
    word, options = QUANTIZERS[job.name]
    sizes = {name: settings[name] for name in ("code_dim", "width", "stride")}
    sizes["num_codes"] = job.codes
    if word == "residual":  # two levels of √K codes tell K sums apart, in as many bits
        sizes["num_codes"] = math.isqrt(job.codes)
    if word == "gumbel":  # its temperature is to reach its end when the training does
        sizes["anneal_steps"] = settings["steps"]
    return sizes | {"quantizer": word} | options


def run(job: Job, settings: dict, limit: int | None = None) -> dict:
    """Train, and measure on held-out images (the first ``limit``)."""
    train, test = data.load("fashion"), data.load("fashion", "test", limit=limit)
    training.seed_everything(job.seed)
    model = autoencoders.vqvae(**recipe(job, settings))
    parameters = sum(p.numel() for p in model.parameters())
    at = [time.process_time()]
    history = training.fit(
        model,
        objectives.VQVAEObjective(train.variance),
        train,
        steps=settings["steps"],
        batch_size=settings["batch_size"],
        lr=job.lr,
        seed=job.seed,
        device="cpu",
        progress=False,
        on_step=lambda *_: at.append(time.process_time()),
    )
    if int(history["step"][-1]) < settings["steps"]:  # by Ctrl-C: no result
        raise KeyboardInterrupt(f"{job.file} was stopped")
    spent = [after - before for before, after in itertools.pairwise(at)]
    indices = metrics.tokenize(model, test)
    if indices.ndim == 4:  # a pair of levels is one token
        indices = indices[..., 0] * model.quantizer.num_codes + indices[..., 1]
    usage = metrics.code_usage(indices, job.codes)
    x = test.tensor()
    y = torch.cat([model.reconstruct(part) for part in x.split(250)])
    return asdict(job) | {
        "psnr": round(objectives.mean_psnr(x, y).item(), 4),
        "used": round(usage.used, 5),
        "perplexity": round(usage.perplexity, 2),
        "seconds_a_step": round(median(spent), 5),
        "parameters": parameters,
        "model": recipe(job, settings),
        "settings": settings,
    }


def settled(job: Job, settings: dict, folder: Path) -> dict | None:
    """The result of an earlier run with the same settings."""
    found = read_json(folder / job.file)
    wanted = asdict(job) | {"model": recipe(job, settings), "settings": settings}
    return found if found and found == found | wanted else None


def collect(found: list[dict], settings: dict) -> dict:
    """All results, the settings once."""
    runs = [{k: v for k, v in one.items() if k != "settings"} for one in found]
    return {"settings": settings, "made_with": training.surroundings("cpu"), "runs": runs}


def table(collected: dict) -> str:
    """Markdown: the runs at ``MIDDLE`` codes, means and 95 % intervals over the seeds."""
    columns = ("psnr", "used", "perplexity", "seconds_a_step", "parameters")
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    runs = [r for r in collected["runs"] if r["codes"] == MIDDLE and r["lr"] == LR]
    for name in dict.fromkeys(r["name"] for r in runs):
        cells = [stated([r[c] for r in runs if r["name"] == name]) for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, help=f"default: {SETTINGS['steps']}")
    parser.add_argument("--out", type=Path, help="default: runs/quantizers")
    options = parser.parse_args()
    if options.steps and not options.out:
        parser.error("--steps makes other runs: name a folder for them with --out")
    settings = SETTINGS | ({"steps": options.steps} if options.steps else {})
    folder = options.out or Path("runs/quantizers")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    todo, found, start = jobs(), [], time.perf_counter()
    for i, job in enumerate(todo, 1):
        result = settled(job, settings, folder)
        if not result:
            result = run(job, settings)
            write_json(folder / job.file, result)
            minutes = (time.perf_counter() - start) / 60
            short = {k: result[k] for k in ("psnr", "used", "perplexity", "seconds_a_step")}
            print(f"{minutes:5.1f} min  {i}/{len(todo)}  {job.file}: {short}", flush=True)
        found.append(result)
    target = (options.out or results.FOLDER) / "quantizers.json"
    collected = collect(found, settings)
    write_json(target, collected, indent=1)
    print(table(collected))
    print(f"\nwrote {target}")


if __name__ == "__main__":
    main()
