"""Train the models of clips that ship with the package: two tokenizers of equal bits, and a
transformer over the tokens of each.

    python tools/train_video.py                     # all four, about six minutes of one core
    python tools/train_video.py --name vqvae-moving
"""

import argparse
from pathlib import Path

from torch.utils.data import TensorDataset

from vqedu import checkpoints, data, objectives, priors, video
from vqedu.training import fit, seed_everything, surroundings

TOKENIZERS = {"vqvae-moving": (4, 4, 4), "vqvae-moving-frames": (1, 8, 8)}
PRIORS = {f"transformer-{name.removeprefix('vqvae-')}": name for name in TOKENIZERS}
STEPS = {"vqvae": 1000, "transformer": 1500}


def train_tokenizer(name: str, clips: data.ClipSet, seed: int = 0):
    """One of TOKENIZERS, with what it reaches on held-out clips."""
    seed_everything(seed)
    model = video.video_vqvae(stride=TOKENIZERS[name], decay=0.95)
    objective = objectives.VQVAEObjective(clips.variance)
    fit(model, objective, clips, steps=STEPS["vqvae"], batch_size=32, lr=3e-3, seed=seed)
    x = data.load("moving", "test").tensor()
    psnr = objectives.mean_psnr(x, model.reconstruct(x)).item()
    return model, {"kind": "vqvae", "metrics": {"psnr": round(psnr, 3)}}


def train_prior(name: str, clips: data.ClipSet, folder: Path, seed: int = 0):
    """One of PRIORS, over the tokens of its tokenizer below ``folder``."""
    tokenizer = checkpoints.load(folder / f"{PRIORS[name]}.safetensors")
    seed_everything(seed)
    tokens = video.tokenize(tokenizer, clips.tensor())
    sizes = {"width": 64, "layers": 3, "dropout": 0.0}
    model = priors.Transformer(
        tokenizer.quantizer.num_codes, len(clips.classes), tokens.shape[1:], **sizes
    )
    items = TensorDataset(tokens, clips.labels)
    options = {"steps": STEPS["transformer"], "batch_size": 32, "lr": 3e-3, "betas": (0.9, 0.99)}
    fit(model, objectives.PriorObjective(), items, seed=seed, **options)
    test = data.load("moving", "test")
    tokens = video.tokenize(tokenizer, test.tensor())
    bits = priors.bits_per_token(model, tokens, test.labels)
    notes = {"kind": "transformer", "metrics": {"bits_per_token": round(bits, 4)}}
    notes |= {"recipe": {"tokenizer": PRIORS[name]}}
    return model, notes | {"tokenizer": checkpoints.fingerprint(tokenizer)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", choices=[*TOKENIZERS, *PRIORS])
    parser.add_argument("--out", type=Path, default=checkpoints.SHIPPED)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    clips = data.load("moving")
    for name in [options.name] if options.name else [*TOKENIZERS, *PRIORS]:
        if name in TOKENIZERS:
            model, notes = train_tokenizer(name, clips)
        else:
            model, notes = train_prior(name, clips, options.out)
        notes |= {"data": {"name": "moving"}, "steps": STEPS[name.split("-")[0]], "seed": 0}
        notes |= {"command": f"python tools/train_video.py --name {name}"}
        notes |= {"made_with": surroundings()}
        checkpoints.save(model, options.out / f"{name}.safetensors", **notes)
        print(f"{name}: {notes['metrics']}", flush=True)


if __name__ == "__main__":
    main()
