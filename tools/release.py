"""Make the models that come with the package, measure them, and write their cards.

    python tools/release.py vqgan-fashion            # train by its recipe, measure, keep
    python tools/release.py --from FILE vqgan-fashion-f8    # keep a model that was trained already
    python tools/release.py --measure vqvae-fashion  # measure what is there, the weights stay
    python tools/release.py --cards                  # the page of cards only

The weights go to vqedu/assets/models, the cards to chapters/models.md.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from vqedu import cards, checkpoints, recipes
from vqedu.files import whole

PAGE = Path(__file__).resolve().parent.parent / "chapters" / "models.md"
HEAD = """\
# The trained models

Everything that `vqedu.checkpoints.load(name)` gives without a network, with how it was made and how
well it does. The cards are made from the files themselves; a test measures the models again. All
numbers are of held-out images. Fréchet and perceptual distances compare with each other only where
the network that measured them is the same.

"""


def keep(name: str, model, folder: Path) -> None:
    """Measure and save a model under its name."""
    notes = {k: v for k, v in model.notes.items() if k not in ("metrics", "command")}
    recipe = recipes.RECIPES[name]
    wanted = json.loads(json.dumps(asdict(recipe)))
    made = wanted | json.loads(json.dumps(notes.get("recipe", {})))
    other = {k for k in wanted if wanted[k] != made[k]} - {"data", "root", "tokenizer"}
    if other or notes["steps"] != recipe.steps:
        raise SystemExit(f"{name}: not made by its recipe: {sorted(other) or notes['steps']}")
    notes["recipe"] = wanted
    model.notes = notes
    notes["metrics"] = {
        k: v if isinstance(v, str) else float(f"{v:.5g}") for k, v in cards.measure(model).items()
    }
    notes["command"] = f"vqedu train {name}"
    checkpoints.save(model, folder / f"{name}.safetensors", **notes)


def page() -> str:
    """All cards, autoencoders first."""
    names = sorted(checkpoints.shipped(), key=order)
    return HEAD + "\n".join(cards.card(name) for name in names)


def order(name: str) -> tuple:
    kinds = ("vqvae", "vqgan", *recipes.LADDER, "pixelcnn", "transformer", "vae", "gan")
    kind = name.split("-")[0]
    return (kinds.index(kind) if kind in kinds else len(kinds), name)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[[], *recipes.RECIPES], metavar="NAME")
    parser.add_argument("--from", dest="file", type=Path, help="a trained model")
    parser.add_argument("--measure", action="store_true", help="keep the weights that are there")
    parser.add_argument("--cards", action="store_true", help="write the page of cards only")
    options = parser.parse_args()
    if not (options.names or options.cards):
        parser.error("name a model, or --cards")
    if options.file and len(options.names) != 1:
        parser.error("--from is for one model")
    for name in options.names:
        if options.file or options.measure:
            model = checkpoints.load(options.file or name)
        else:
            model, _ = recipes.train(recipes.RECIPES[name])
        keep(name, model, checkpoints.SHIPPED)
        print(f"{name}: {model.notes['metrics']}", flush=True)
    if options.cards or options.names:
        with whole(PAGE) as draft:
            draft.write_text(page(), "utf-8")
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
