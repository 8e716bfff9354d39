"""The command line: ``vqedu doctor, train, evaluate, reconstruct, sample, compress, …``.

A command is one function named ``add_…`` that declares its arguments and names the function of
:mod:`vqedu.commands` to run, listed in ``COMMANDS``. Heavy modules are imported when a command
runs, not before, so that ``vqedu --help`` answers at once.

Exit codes: 0 done, 1 an error, 2 a mistake in the command line, 130 stopped by Ctrl-C.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

from . import __version__
from .errors import VQEduError

EXAMPLES = """\
examples:
  vqedu doctor                                  check this installation
  vqedu train                                   a VQ-VAE on the shipped images, into runs/
  vqedu train pixelcnn --tokenizer MODEL        a prior over its tokens
  vqedu evaluate                                measure a model that comes with the package
  vqedu reconstruct photo.jpg -o out.png        a picture through a model, beside the original
  vqedu sample -o sheet.png                     draw new images
  vqedu compress photo.jpg -o photo.vq          a picture in a few hundred bytes
  vqedu decompress photo.vq -o photo.png        and back
  vqedu export -o web/                          ONNX files for a browser

'vqedu COMMAND --help' tells more. MODEL is a file, or the name of a model that comes with the
package.
"""

DEVICES = ("cpu", "cuda", "mps")
QUANTIZERS = ("vq", "ema", "cosine", "rotation", "sim", "gumbel", "fsq", "lfq", "residual")
GREY, COLOUR, PRIOR = "vqvae-fashion", "vqvae-photos", "pixelcnn-fashion"  # shipped


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after ``vqedu``; None takes them from the command line.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("vqedu: stopped", file=sys.stderr)
        return 130
    except VQEduError as error:
        if arguments.debug:
            raise
        print(f"vqedu: error: {error}", file=sys.stderr)
    except Exception as error:
        if arguments.debug:
            raise
        kind = type(error).__name__
        print(f"vqedu: error: {kind}: {error} (--debug shows where)", file=sys.stderr)
    return 1


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vqedu",
        description="The command line of a course on VQ-VAE and VQGAN.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vqedu {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    return parser


def add_command(commands, name: str, summary: str, details: str) -> argparse.ArgumentParser:
    """Add one command, run by the function of that name in :mod:`vqedu.commands`."""

    def run(arguments) -> int:
        return getattr(import_module(".commands", __package__), name)(arguments)

    parser = commands.add_parser(
        name,
        help=summary,
        description=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    parser.set_defaults(run=run)
    return parser


def number(kind, low, high=None, *, above: bool = False):
    """An argument's type: a number from ``low`` (or above it) to ``high``."""

    def read(word: str):
        value = kind(word)
        if not (value > low if above else value >= low) or (high is not None and value > high):
            span = f"{'above' if above else 'at least'} {low}"
            span += "" if high is None else f" and at most {high}"
            raise argparse.ArgumentTypeError(f"must be {span}, not {word}")
        return value

    read.__name__ = "whole number" if kind is int else "number"  # argparse names it in errors
    return read


whole, positive = number(int, 1), number(float, 0, above=True)


def common(parser, *names: str) -> None:
    """Arguments that several commands share."""
    if "model" in names:
        parser.add_argument("--model", metavar="MODEL", help="the autoencoder (default: shipped)")
    if "prior" in names:
        parser.add_argument("--prior", metavar="MODEL", help="a prior over the model's tokens")
        parser.add_argument(
            "--label", type=number(int, 0), default=0, help="class given to the prior (default: 0)"
        )
    if "data" in names:
        parser.add_argument("--data", metavar="NAME", help="fashion, photos, folder, …")
        parser.add_argument("--root", type=Path, help="the folder of --data folder")
        parser.add_argument("--size", type=whole, help="side of the images in pixels")
        parser.add_argument("--limit", type=whole, help="how many images (default: all)")
    if "seed" in names:
        seed = number(int, 0, 2**31 - 1)
        parser.add_argument("--seed", type=seed, default=0, help="default: 0")
    parser.add_argument("--device", choices=DEVICES, help="default: the best there is")


def add_doctor(commands) -> None:
    add_command(
        commands,
        "doctor",
        "check this installation and say how to mend it",
        "Check Python, the packages, the device, memory, disk, the shipped images' checksums and\n"
        "the notebook kernel. Below each finding stands what to do about it.\n\n"
        "Exits with 0 when nothing fails, else with 1.\n\n"
        "example:\n"
        "  vqedu doctor",
    )


def add_train(commands) -> None:
    parser = add_command(
        commands,
        "train",
        "train a model: a shipped one anew, or one of your own",
        "Train a model and write it to FOLDER/model.safetensors. The state of the training is\n"
        "kept beside it: after Ctrl-C, or a crash, --resume goes on where it stopped.\n\n"
        "RECIPE is the name of a model that comes with the package, which is then made again, or\n"
        "one of these kinds. Options change single settings of either; in brackets stands what\n"
        "most kinds have.\n"
        "  vqvae        squared error and commitment (van den Oord et al. 2017)\n"
        "  vqgan        the same network with perceptual distance and discriminator\n"
        "  pixelcnn, transformer, maskgit\n"
        "               priors over the tokens of --tokenizer\n"
        "  vae, gan     what both grew out of\n"
        "  speech       a VQ-VAE of spoken words; its decoder is told who speaks\n\n"
        "examples:\n"
        "  vqedu train                                       3 minutes on two cores\n"
        "  vqedu train vqgan-fashion                         a shipped model, once more\n"
        "  vqedu train vqgan --data photos --steps 4000 -o runs/photos\n"
        "  vqedu train transformer --tokenizer runs/vqvae-fashion/model.safetensors\n"
        "  vqedu train --resume",
    )
    add = parser.add_argument
    add("recipe", nargs="?", metavar="RECIPE", default="vqvae", help="default: vqvae")
    add("-o", "--out", type=Path, metavar="FOLDER", help="default: runs/RECIPE, or runs/KIND-DATA")
    add("--tokenizer", metavar="MODEL", help="priors: whose tokens")
    add("--num-codes", type=whole, help="K (128)")
    add("--code-dim", type=whole, help="D (16)")
    add("--width", type=whole, help="channels inside (64)")
    add("--stride", type=whole, help="pixels a token: 4, 8, 16 (4); 8 needs --size 32 with fashion")
    add("--layers", type=whole, help="priors: layers (6)")
    add("--quantizer", choices=QUANTIZERS, help="(ema)")
    add(
        "--perceptual-weight", type=number(float, 0), metavar="P", help="vqgan only; 0: without (1)"
    )
    add(
        "--adversarial-weight",
        type=number(float, 0),
        metavar="W",
        help="vqgan only; 0: without (0.3)",
    )
    add("--steps", type=whole, help="weight updates (1500)")
    add("--batch-size", type=whole, help="(64)")
    add("--accumulate", type=whole, default=1, help="parts of a batch, to save memory (default: 1)")
    add("--lr", type=positive, help="highest learning rate (0.002)")
    add("--precision", choices=("no", "bf16", "fp16"), default="no", help="default: no")
    add("--save-every", type=whole, default=250, help="steps between states (default: 250)")
    add("--resume", action="store_true", help="go on from the newest good state, if any")
    add("--log", action="store_true", help="write TensorBoard logs to FOLDER/logs")
    common(parser, "data")
    add("--seed", type=number(int, 0, 2**31 - 1), help="(0)")


def add_evaluate(commands) -> None:
    parser = add_command(
        commands,
        "evaluate",
        "measure how well an autoencoder reconstructs a data set",
        "Print PSNR, SSIM, sharpness, codebook usage and bits over a whole data set.\n\n"
        "examples:\n"
        "  vqedu evaluate\n"
        "  vqedu evaluate --model runs/photos/model.safetensors --frechet\n"
        "  vqedu evaluate --data folder --root my_pictures --model vqvae-photos",
    )
    parser.add_argument("--split", choices=("train", "test"), default="test", help="default: test")
    parser.add_argument("--perceptual", action="store_true", help="also a perceptual distance")
    parser.add_argument("--frechet", action="store_true", help="also the Fréchet distance")
    common(parser, "model", "data")


def add_reconstruct(commands) -> None:
    parser = add_command(
        commands,
        "reconstruct",
        "pictures through an autoencoder, beside the originals",
        "Write one picture: originals above, reconstructions below. Without FILEs, images of the\n"
        "data set that the model was trained on.\n\n"
        "examples:\n"
        "  vqedu reconstruct -o sheet.png\n"
        "  vqedu reconstruct photo.jpg -o photo-through-48-bits.png",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="pictures of any size")
    parser.add_argument("-o", "--out", type=Path, default=Path("reconstructions.png"))
    common(parser, "model", "data")


def add_sample(commands) -> None:
    parser = add_command(
        commands,
        "sample",
        "draw new images from a prior",
        "Draw tokens from a prior, decode them, and write one picture.\n\n"
        "examples:\n"
        "  vqedu sample -n 20 -o sheet.png\n"
        "  vqedu sample --label 8 --top-p 0.9 --seed 3 -o bags.png",
    )
    parser.add_argument("-n", type=whole, default=16, help="how many (default: 16)")
    parser.add_argument("-o", "--out", type=Path, default=Path("samples.png"))
    parser.add_argument("--prior", metavar="MODEL", help="default: shipped")
    parser.add_argument("--label", type=number(int, 0), help="a class (default: all in turn)")
    parser.add_argument("--temperature", type=positive, default=1.0, help="default: 1")
    parser.add_argument("--top-k", type=whole, help="keep the k most likely codes")
    parser.add_argument("--top-p", type=number(float, 0, 1, above=True), help="nucleus sampling")
    common(parser, "model", "seed")


def add_compress(commands) -> None:
    parser = add_command(
        commands,
        "compress",
        "a picture as a small file of entropy-coded tokens",
        "Turn a picture of any size into a file that 'vqedu decompress' reads with the same\n"
        "model.\n\n"
        "examples:\n"
        "  vqedu compress photo.jpg -o photo.vq\n"
        "  vqedu compress shoe.png --model vqvae-fashion --prior pixelcnn-fashion",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a picture")
    parser.add_argument("-o", "--out", type=Path, help="default: FILE with the suffix .vq")
    common(parser, "model", "prior")


def add_decompress(commands) -> None:
    parser = add_command(
        commands,
        "decompress",
        "the picture that a compressed file holds",
        "The reverse of 'vqedu compress', with the same model and prior.\n\n"
        "example:\n"
        "  vqedu decompress photo.vq -o photo.png",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a file from 'vqedu compress'")
    parser.add_argument("-o", "--out", type=Path, help="default: FILE with the suffix .png")
    parser.add_argument("--prior", metavar="MODEL", help="the prior that the file was coded with")
    common(parser, "model")


def add_export(commands) -> None:
    parser = add_command(
        commands,
        "export",
        "ONNX files of an autoencoder",
        "Write encoder.onnx and decoder.onnx, for ONNX Runtime in a browser or elsewhere.\n"
        'Needs: pip install "vqedu[export]". Takes half a minute.\n\n'
        "example:\n"
        "  vqedu export --model vqvae-fashion -o web/",
    )
    parser.add_argument("-o", "--out", type=Path, default=Path("onnx"), metavar="FOLDER")
    parser.add_argument("--model", metavar="MODEL", help="the autoencoder (default: shipped)")


COMMANDS = (
    add_doctor,
    add_train,
    add_evaluate,
    add_reconstruct,
    add_sample,
    add_compress,
    add_decompress,
    add_export,
)
