"""Measuring side by side: contestants take turns, so that a slow minute of the machine hits all."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of a results table.

    Attributes:
        what: what was measured.
        seconds: median of the repetitions.
        ratio: median of the repetitions' ratios to the reference named in ``versus``.
        versus: the reference.
        target: what the ratio should be, such as ``"<= 1.3"`` or ``">= 8"``; empty: no target.
        note: anything else worth knowing.
    """

    what: str
    seconds: float
    ratio: float | None = None
    versus: str = ""
    target: str = ""
    note: str = ""

    @property
    def reached(self) -> bool | None:
        if not self.target or self.ratio is None:
            return None
        sign, bound = self.target.split()
        return self.ratio <= float(bound) if sign == "<=" else self.ratio >= float(bound)


def in_turns(contestants: dict[str, Callable], repeats: int, warm: int = 2) -> dict[str, list]:
    """The seconds of each contestant in each round; ``warm`` rounds before do not count."""
    seconds = {name: [] for name in contestants}
    for i in range(warm + repeats):
        for name, work in contestants.items():
            start = time.perf_counter()
            work()
            if i >= warm:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(mine: list[float], reference: list[float]) -> float:
    """Median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(mine, reference, strict=True))


def median(values: list[float]) -> float:
    return statistics.median(values)
