"""The same bytes through torchvision's transforms: the same pixels."""

import pytest
import torch
from torchvision.transforms import v2

from vqedu.data import from_uint8, to_unit
from vqedu.data.pictures import fit


@pytest.fixture
def picture():
    torch.manual_seed(0)
    coarse = torch.randint(256, (3, 9, 12), dtype=torch.uint8)
    return coarse.repeat_interleave(8, 1).repeat_interleave(5, 2)  # 72×60, with edges


def test_range(picture):
    theirs = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.5])])
    torch.testing.assert_close(from_uint8(picture), theirs(picture), rtol=0, atol=1e-6)
    assert torch.equal((to_unit(from_uint8(picture)) * 255).round().to(torch.uint8), picture)


@pytest.mark.parametrize("size", [60, 32, 17, 90])
def test_crop_and_resize(picture, size):
    """Up to the rounding of a byte: they resize bytes, or floats, each in its own way."""
    side = min(picture.shape[1:])
    cropped = v2.functional.center_crop(picture.float(), [side, side])
    theirs = v2.functional.resize(cropped, [size, size], antialias=True).clamp(0, 255)
    ours = fit(picture, size).float()
    assert ours.shape == (3, size, size)
    assert (ours - theirs).abs().max() <= 1
