"""Two processes with half of each batch learn what one process learns from the whole batch."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import vqedu

SCRIPT = Path(__file__).with_name("several_processes.py")
spec = importlib.util.spec_from_file_location("several_processes", SCRIPT)
one_of_several = importlib.util.module_from_spec(spec)
spec.loader.exec_module(one_of_several)

each_case = pytest.mark.parametrize("name", one_of_several.CASES)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    arguments = ["2", str(folder / "meet"), str(folder)]
    here = os.environ | {"PYTHONPATH": str(Path(vqedu.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(rank), *arguments], stderr=subprocess.PIPE, env=here
        )
        for rank in range(2)
    ]
    try:
        for process in started:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors.decode()
    finally:
        for process in started:
            process.kill()
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.fixture(scope="module")
def one():
    return one_of_several.results()


@each_case
def test_both_have_the_same_state(two, name):
    (_, first), (_, second) = two[0][name], two[1][name]
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


@each_case
def test_two_are_as_one(two, one, name):
    (left, state), (right, _) = two[0][name], two[1][name]
    indices, expected = one[name]
    assert torch.equal(torch.cat([left, right], dim=1), indices)
    for key, value in expected.items():
        torch.testing.assert_close(state[key], value, msg=lambda m, key=key: f"{key}: {m}")
    assert expected["steps"] == one_of_several.STEPS


@pytest.mark.parametrize("name", ["ema", "vq", "cosine", "residual"])
def test_revival_took_part(one, monkeypatch, name):
    """Else the comparison would not see it: without revival the same run ends elsewhere."""
    options = one_of_several.CASES | {name: one_of_several.CASES[name] | {"revive_after": 0}}
    monkeypatch.setattr(one_of_several, "CASES", options)
    codebook = next(key for key in one[name][1] if key.endswith("codebook"))
    _, without = one_of_several.train(name, 0, 1)
    assert (without[codebook] - one[name][1][codebook]).abs().max() > 0.1


def test_entropies_of_all(two, one):
    loss, gradient = one["gradient"]
    halves = [results["gradient"] for results in two]
    # The first entropy is a mean over each process's own vectors, the second one over all.
    torch.testing.assert_close(sum(half for half, _ in halves) / 2, loss)
    torch.testing.assert_close(torch.cat([half for _, half in halves]), gradient)
