"""The command line: ``vqedu doctor``.

A command is one function named ``add_…`` that declares its arguments and names the function to
run, listed in ``COMMANDS``. Heavy modules are imported when a command runs, not before, so that
``vqedu --help`` answers at once.

Exit codes: 0 done, 1 an error, 2 a mistake in the command line, 130 stopped by Ctrl-C.
"""

import argparse
import sys

from . import __version__
from .errors import VQEduError

EXAMPLES = """\
examples:
  vqedu doctor           check this installation
  vqedu doctor --help    what the check looks at
"""


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
    except VQEduError as error:
        if arguments.debug:
            raise
        print(f"vqedu: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vqedu: stopped", file=sys.stderr)
        return 130


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


def add_command(commands, name: str, run, summary: str, details: str) -> argparse.ArgumentParser:
    """Add one command; ``run`` takes the parsed arguments and returns an exit code."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    parser.set_defaults(run=run)
    return parser


def add_doctor(commands) -> None:
    def run(arguments) -> int:
        from . import doctor

        return doctor.main()

    add_command(
        commands,
        "doctor",
        run,
        "check this installation and say how to mend it",
        "Check Python, the packages, the device, memory, disk, the shipped images' checksums and\n"
        "the notebook kernel. Below each finding stands what to do about it.\n\n"
        "Exits with 0 when nothing fails, else with 1.",
    )


COMMANDS = (add_doctor,)
