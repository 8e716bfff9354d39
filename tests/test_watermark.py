"""The mark is found where it is, and not where it is not."""

import pytest
import torch

from vqedu import watermark
from vqedu.errors import InputError

TABLE = watermark.colours(5, (4, 6), 32)


def tokens(n, seed=0):
    return torch.randint(32, (n, 4, 6), generator=torch.Generator().manual_seed(seed))


def test_the_key_decides_the_colours():
    assert tuple(TABLE.shape) == (4, 6, 32)
    assert TABLE.dtype == torch.bool
    assert torch.equal(TABLE, watermark.colours(5, (4, 6), 32))
    other = watermark.colours(6, (4, 6), 32)
    assert 0.4 < (other == TABLE).float().mean() < 0.6
    assert 0.4 < TABLE.float().mean() < 0.6


def test_green_by_hand():
    k = tokens(3)
    expected = [
        sum(bool(TABLE[i, j, k[n, i, j]]) for i in range(4) for j in range(6)) / 24
        for n in range(3)
    ]
    assert watermark.green(k, TABLE).tolist() == pytest.approx(expected)


def test_detected():
    ordinary = watermark.green(tokens(2000), TABLE)
    alike = watermark.green(tokens(2000, seed=1), TABLE)
    marked = (alike + 0.15).clamp(max=1)
    assert watermark.detected(alike, ordinary) < 0.03
    single, four = (watermark.detected(marked, ordinary, n) for n in (1, 4))
    assert 0.1 < single < 0.7 < four
    assert watermark.detected(marked, ordinary, 1, 0.2) > single
    assert watermark.detected(marked, ordinary) == single  # always the same draw


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: watermark.green(tokens(2)[:, :3], TABLE), r"\(N, 4, 6\); got \(2, 3, 6\)"),
        (lambda: watermark.detected(torch.ones(0), torch.ones(3)), "0 and 3 scores"),
        (lambda: watermark.detected(torch.ones(3), torch.ones(3), 0), "together >= 1"),
        (lambda: watermark.detected(torch.ones(3), torch.ones(3), 1, 1.0), "false_alarms"),
    ],
)
def test_what_cannot_be(call, message):
    with pytest.raises(InputError, match=message):
        call()
