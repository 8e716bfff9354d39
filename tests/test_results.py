"""Results that ship, and intervals of a few repetitions."""

import math

import pytest
import torch

from vqedu import results
from vqedu.errors import DataError, InputError


def test_interval_by_hand():
    middle, half = results.interval([1.0, 2.0, 3.0])
    assert middle == 2.0
    assert half == pytest.approx(4.303 * 1.0 / math.sqrt(3))  # standard deviation 1


@pytest.mark.parametrize("n", [2, 3, 10])
def test_the_interval_covers_19_of_20(n):
    torch.manual_seed(n)
    trials = 4000
    covered = 0
    for values in torch.randn(trials, n, dtype=torch.float64).tolist():
        middle, half = results.interval(values)
        covered += abs(middle) <= half
    assert covered / trials == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize("n", [0, 1, 11])
def test_too_few_or_many(n):
    with pytest.raises(InputError, match=f"got {n}"):
        results.interval([0.0] * n)


def test_unknown_results(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    (tmp_path / "ladder.json").write_text('{"runs": ', "utf-8")
    with pytest.raises(DataError, match="did you mean 'ladder'"):
        results.load("lader")
    with pytest.raises(DataError, match=r"ladder\.json is damaged"):
        results.load("ladder")
    (tmp_path / "ladder.json").write_text('{"runs": []}', "utf-8")
    assert results.load("ladder") == {"runs": []}
