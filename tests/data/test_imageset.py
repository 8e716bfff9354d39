import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from vqedu.data import DataError, ImageSet, from_uint8, to_unit


def make(n=5, channels=3, height=4, width=6, classes=("a", "b")):
    images = torch.randint(0, 256, (n, channels, height, width), dtype=torch.uint8)
    return ImageSet(images, torch.arange(n) % len(classes), classes, "made", "train")


def test_range_is_exactly_minus_one_to_one():
    x = from_uint8(torch.arange(256, dtype=torch.uint8))
    assert x.dtype == torch.float32
    assert (x[0], x[255]) == (-1, 1)
    torch.testing.assert_close(x, -x.flip(0))
    torch.testing.assert_close(to_unit(x) * 255, torch.arange(256.0))


def test_to_unit_clamps():
    assert to_unit(torch.tensor([-3.0, -1, 0, 1, 3])).tolist() == [0, 0, 0.5, 1, 1]


def test_from_uint8_refuses_other_types():
    with pytest.raises(DataError, match=r"uint8 tensor .* not torch\.float32"):
        from_uint8(torch.zeros(3))


def test_items_are_what_the_docstring_says():
    made = make()
    x, label = made[3]
    assert (x.shape, x.dtype, type(label)) == ((3, 4, 6), torch.float32, int)
    torch.testing.assert_close(x, made.images[3] / 127.5 - 1)
    assert label == 1
    assert len(made) == len(list(made)) == 5
    torch.testing.assert_close(made.tensor(), torch.stack([x for x, _ in made]))


def test_a_data_loader_gives_batches_in_order():
    made = make(n=7, classes=tuple("abcdefg"))
    batches = list(DataLoader(made, batch_size=4))
    torch.testing.assert_close(torch.cat([x for x, _ in batches]), made.tensor())
    assert torch.equal(torch.cat([label for _, label in batches]), made.labels)


@settings(deadline=None)
@given(st.integers(1, 2500), st.integers(0, 2**31))
def test_variance_is_that_of_all_pixels(n, seed):
    images = torch.randint(0, 256, (n, 1, 2, 2), generator=torch.Generator().manual_seed(seed))
    made = ImageSet(images.to(torch.uint8), torch.zeros(n, dtype=torch.long), ("a",), "x", "test")
    assert made.variance == pytest.approx(made.tensor().double().var(correction=0).item())


def test_variance_of_black_and_white_and_of_one_colour():
    images = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
    made = ImageSet(images, torch.zeros(2, dtype=torch.long), ("a",), "x", "test")
    assert made.variance == 1
    assert made.subset(1).variance == 0


def test_subset_by_number_and_by_positions():
    made = make()
    assert torch.equal(made.subset(2).images, made.images[:2])
    for which in ([3, 0], torch.tensor([3, 0]), range(3, -1, -3)):
        part = made.subset(which)
        assert torch.equal(part.images, made.images[[3, 0]])
        assert torch.equal(part.labels, made.labels[[3, 0]])
        assert part.classes == made.classes


@pytest.mark.parametrize(
    ("which", "message"),
    [
        (0, "1 to 5 images, not 0"),
        (6, "1 to 5 images, not 6"),
        ([], "at least one whole number"),
        ([0.5], "at least one whole number"),
        ([0, 5], "from 0 to 4, not from 0 to 5"),
        ([-1], "from 0 to 4, not from -1"),
    ],
)
def test_subsets_that_make_no_sense(which, message):
    with pytest.raises(DataError, match=message):
        make().subset(which)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"images": torch.zeros(5, 3, 4, 6)},
            r"uint8 .* not torch\.float32 of shape \(5, 3, 4, 6\)",
        ),
        ({"images": torch.zeros(5, 4, 6, dtype=torch.uint8)}, r"\(N, 1 or 3, H, W\)"),
        ({"images": torch.zeros(5, 2, 4, 6, dtype=torch.uint8)}, r"\(N, 1 or 3, H, W\)"),
        ({"images": torch.zeros(0, 3, 4, 6, dtype=torch.uint8)}, "N at least 1"),
        ({"labels": torch.zeros(4, dtype=torch.long)}, r"of shape \(5,\), .* not .*\(4,\)"),
        ({"labels": torch.zeros(5)}, r"int64 .* not torch\.float32"),
        ({"labels": torch.full((5,), 2)}, "from 2 to 2, but 2 classes allow 0 to 1"),
        ({"labels": torch.full((5,), -1)}, "from -1 to -1"),
    ],
)
def test_fields_that_do_not_fit_together(change, message):
    made = make()
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__} | change
    with pytest.raises(DataError, match=message):
        ImageSet(**fields)


def test_repr_frozen_and_picklable():
    made = make(n=1200, channels=1)
    assert repr(made) == "ImageSet('made', 'train': 1,200 grey images of 4×6, 2 classes)"
    with pytest.raises(AttributeError):
        made.name = "other"
    assert torch.equal(pickle.loads(pickle.dumps(made)).images, made.images)
