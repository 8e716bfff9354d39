"""Clips of moving items: what they are made of, and how the items move."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from vqedu.data import ClipSet, DataError, ImageSet, from_uint8, load, moving


@pytest.mark.parametrize(("split", "count"), [("train", 4_000), ("test", 500)])
def test_defaults(split, count):
    clips = load("moving", split)
    assert isinstance(clips, ClipSet)
    assert clips.images.shape == (count, 1, 8, 24, 24)
    assert (clips.name, clips.split, len(clips.classes)) == ("moving", split, 10)
    assert clips.labels.unique().tolist() == list(range(10))
    assert f"{count:,} grey clips of 8 frames of 24×24" in repr(clips)


def test_the_seed_decides():
    first, again, other = (load("moving", limit=6, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, other.images)


def test_size():
    assert load("moving", "test", size=48, limit=3).images.shape == (3, 1, 8, 48, 48)


def test_items_and_backgrounds_are_of_the_split(monkeypatch):
    asked = []
    for name in ("load_shipped", "load_photos"):
        original = getattr(moving, name)

        def record(split, *arguments, original=original):
            asked.append(split)
            return original(split, *arguments)

        monkeypatch.setattr(moving, name, record)
    load("moving", "test", limit=2)
    assert asked == ["test", "test"]


def test_every_machine_draws_the_same_paths():
    """Whole numbers of a RandomState, whose draws NumPy keeps."""
    paths = moving._paths(2, 16, np.random.RandomState(0))
    assert paths[:, [0, 1, 7]].tolist() == [
        [[12, 15], [14, 15], [6, 15]],
        [[11, 0], [9, 0], [3, 0]],
    ]


def test_speed_is_kept_and_edges_throw_back():
    room = 16
    paths = moving._paths(500, room, np.random.RandomState(1))
    assert (paths.min(), paths.max()) == (0, room)
    steps = np.abs(np.diff(paths, axis=1))
    assert steps.max() == moving.FASTEST
    assert (steps.sum(2).max(1) > 0).all()  # none stands still
    bends = np.diff(paths, n=2, axis=1) != 0
    at_edge = np.minimum(paths, room - paths)[:, 1:-1] < moving.FASTEST
    assert bends.any()
    assert not (bends & ~at_edge).any()


def test_an_item_moves_over_a_still_background():
    item = torch.full((1, 1, 2, 2), 200, dtype=torch.uint8)
    item[0, 0, 0, 0] = 5  # darker than the background, which shines through
    ground = torch.full((1, 1, 4, 4), 30, dtype=torch.uint8)
    (clip,) = moving._draw(item, ground, torch.tensor([[[0, 0], [1, 2]]]))
    assert clip.shape == (1, 2, 4, 4)
    for frame, (top, left) in zip(clip[0], [(0, 0), (1, 2)], strict=True):
        expected = torch.full((4, 4), 30, dtype=torch.uint8)
        expected[top : top + 2, left : left + 2] = torch.tensor([[30, 200], [200, 200]])
        assert torch.equal(frame, expected)
    assert torch.equal(ground, torch.full_like(ground, 30))


def test_items_stand_out():
    clips = load("moving", "test")
    ground = clips.images.amin(2)  # over time: the item is the brighter one
    assert ground.float().mean() < 60
    item = clips.images.amax((1, 2, 3, 4))
    assert (item > 100).all()


def test_a_clip_set_is_an_image_set_with_time():
    clips = load("moving", limit=6)
    assert isinstance(clips, ImageSet)
    x, label = clips[2]
    assert x.shape == (1, 8, 24, 24)
    torch.testing.assert_close(x, from_uint8(clips.images[2]))
    batch, labels = next(iter(DataLoader(clips, 4)))
    assert (batch.shape, labels.tolist()) == ((4, 1, 8, 24, 24), clips.labels[:4].tolist())
    assert label == labels[2]
    torch.testing.assert_close(clips.variance, clips.tensor().double().var(correction=0).item())
    assert isinstance(clips.subset([4, 1]), ClipSet)
    assert torch.equal(clips.subset([4, 1]).images, clips.images[[4, 1]])


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((2, 1, 8, 8), 2, r"clips must be of shape \(N, C, T, H, W\), not empty"),
        ((2, 1, 0, 8, 8), 2, "not empty"),
        ((2, 2, 4, 8, 8), 2, "N, 1 or 3, H, W"),
        ((2, 1, 4, 8, 8), 3, "one for each image"),
    ],
)
def test_fields_that_do_not_fit(shape, labels, message):
    with pytest.raises(DataError, match=message):
        ClipSet(
            torch.zeros(shape, dtype=torch.uint8),
            torch.zeros(labels, dtype=torch.int64),
            ("a",),
            "mine",
            "train",
        )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"root": "x"}, "leave root out"),
        ({"size": 7}, "at least 8 pixels"),
        ({"limit": 10**6}, "choose a smaller limit"),
    ],
)
def test_requests_that_make_no_sense(request_, message):
    with pytest.raises(DataError, match=message):
        load("moving", **request_)
