"""The errors that vqedu raises on purpose. Each says what was wrong and what would be right."""

import difflib
from collections.abc import Iterable


class VQEduError(Exception):
    """Base of every error that vqedu raises on purpose; the command line prints it as one line."""


class DataError(VQEduError, ValueError):
    """Images, or a request for images, that cannot be used."""


class InputError(VQEduError, ValueError):
    """An argument of the wrong shape, type or range, or with values that are not finite."""


class TrainingError(VQEduError, RuntimeError):
    """Training cannot go on: a loss that is not finite."""


class CheckpointError(VQEduError, ValueError):
    """A checkpoint file that is missing, damaged, or belongs to another model."""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """``"; did you mean 'fashion'?"`` when one of the options is close to the word, else ``""``."""
    lower = {option.lower(): option for option in options}
    close = difflib.get_close_matches(str(word).lower(), lower, n=1, cutoff=0.5)
    return f"; did you mean {lower[close[0]]!r}?" if close else ""
