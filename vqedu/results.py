"""Measured results that come with the package, and what may be said of a few repetitions.

``tools/ladder.py`` measures and writes those of ``chapters/07_comparison``, ``tools/quantizers.py``
and ``tools/transfer.py`` those of ``chapters/09_outlook``.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from .errors import DataError, InputError, did_you_mean

FOLDER = Path(__file__).parent / "assets" / "results"


def load(name: str) -> dict:
    """A file of results by name, such as ``"ladder"``.

    Raises:
        DataError: no such results, or a damaged file.
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        known = sorted(p.stem for p in FOLDER.glob("*.json"))
        raise DataError(f"no results {name!r}: there is {known}{did_you_mean(name, known)}")
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; install vqedu again") from error


# The two-sided 95 % point of Student's t, by degrees of freedom; a table of it is in any textbook.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean of a few repetitions, and half the width of its 95 % confidence interval.

    The interval is Student's (1908): with three seeds it reaches 2.5 standard deviations to
    either side, with two 9.0. It covers what differs between seeds, not what another data set or
    recipe would change.

    Args:
        values: 2 to 10 numbers, one from each seed.

    Raises:
        InputError: fewer or more.

    Used in ``chapters/07_comparison``.
    """
    n = len(values)
    if not 2 <= n <= len(STUDENT) + 1:
        raise InputError(f"an interval needs 2 to {len(STUDENT) + 1} values; got {n}")
    return mean(values), STUDENT[n - 2] * stdev(values) / math.sqrt(n)
