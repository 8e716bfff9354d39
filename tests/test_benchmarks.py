"""The benchmark's own arithmetic, and that each part of it can be run. Speed is not tested here."""

import copy
import importlib
import inspect
import sys
from pathlib import Path

import pytest
import torch

from vqedu import perceptual
from vqedu.adversarial import PatchDiscriminator
from vqedu.autoencoders import vqvae

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in [path.stem for path in FOLDER.glob("*.py")]:
        sys.modules.pop(name, None)


def load(name):
    return importlib.import_module(name)


def test_targets():
    row = load("timing").Row
    assert row("a", 1.0, 1.2, target="<= 1.3").reached is True
    assert row("a", 1.0, 1.4, target="<= 1.3").reached is False
    assert row("a", 1.0, 8.0, target=">= 8").reached is True
    assert row("a", 1.0, 7.9, target=">= 8").reached is False
    assert row("a", 1.0).reached is None
    text = load("run").table([row("b", 0.0123, None, "c", "<= 0.5", "not got there")])
    assert "| b | 12.3 ms |  | c | <= 0.5 | **no** | not got there |" in text


def test_contestants_take_turns():
    timing, calls = load("timing"), []
    work = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = timing.in_turns(work, repeats=3, warm=1)
    assert "".join(calls) == "abababab"
    assert [len(s) for s in seconds.values()] == [3, 3]
    assert timing.ratio([2.0, 9.0, 4.0], [1.0, 1.0, 2.0]) == 2.0


def test_each_part_has_a_run():
    for part in load("run").PARTS:
        assert "repeats" in inspect.signature(load(part).run).parameters


def test_the_largest_tensor():
    quantizer = load("quantizer")
    with quantizer.LargestTensor() as largest:
        (torch.ones(10, 100) + 1).sum()
    assert largest.bytes == 4000


def test_all_ways_to_a_step_do_the_same_work():
    """All ways of the benchmark to do a step: equal λ and gradients."""
    step = load("vqgan_step")
    model = vqvae(3, num_codes=16, code_dim=8, width=32, quantizer="vq").train()
    discriminator, distance = PatchDiscriminator(3), perceptual.load("features-photos")
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    model(x)
    model.quantizer.revive_after = 0
    found = []
    for way, options in ((step.ours, {}), (step.usual, {}), (step.usual, {"twice": True})):
        parts = copy.deepcopy((model, discriminator))
        weight = way(parts[0], distance, parts[1], x, **options)()
        found.append((weight, [p.grad for m in parts for p in m.parameters()]))
    for weight, gradients in found[1:]:
        assert weight == pytest.approx(found[0][0], rel=1e-5)
        for mine, theirs in zip(found[0][1], gradients, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-5)
