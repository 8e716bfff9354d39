"""What a network costs, counted and measured."""

import time

import torch

from vqedu import autoencoders, metrics


class Pair(torch.nn.Module):
    """One convolution there and one back."""

    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Conv2d(2, 4, 3, padding=1)
        self.decoder = torch.nn.Conv2d(4, 2, 1)


def test_cost_by_hand():
    found = metrics.cost(Pair, 2, 8, 8)
    assert found.weights == (2 * 9 + 1) * 4 + (4 + 1) * 2
    assert found.multiplications == 64 * (2 * 9 * 4 + 4 * 2)
    assert found.memory == 4 * 64 * (2 + 4)  # the input of each convolution


def test_work_and_memory_grow_with_the_pixels():
    def build():
        return autoencoders.vqvae(width=16)

    small, large = (metrics.cost(build, 1, side, side) for side in (16, 32))
    assert small.weights == large.weights == sum(p.numel() for p in build().parameters())
    assert large.multiplications == 4 * small.multiplications
    assert large.memory == 4 * small.memory


def test_in_turn():
    order = []

    def work(name, seconds):
        order.append(name)
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    functions = {"short": lambda: work("short", 0.002), "long": lambda: work("long", 0.006)}
    taken = metrics.in_turn(functions, rounds=5)
    assert order == ["short", "long"] * 5
    assert 1.5 < taken["long"] / taken["short"] < 6
