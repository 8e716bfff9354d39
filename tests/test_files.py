"""A file is there whole or not at all, also when the disk is full."""

import os
import subprocess
import sys

import pytest
import torch

from vqedu import states
from vqedu.errors import CheckpointError
from vqedu.files import read_json, reason, whole, write_json


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.txt"


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_file_takes_its_place_in_the_end(path, kind):
    path.write_text("old")
    with whole(kind(path)) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
        assert draft.parent == path.parent
        assert draft.name.startswith(".file.txt.")
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["file.txt"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit, ZeroDivisionError])
@pytest.mark.parametrize("before", [None, "old"])
def test_any_error_passes_and_leaves_what_was_there(path, error, before):
    if before:
        path.write_text(before)

    def half():
        with whole(path) as draft:
            draft.write_text("half of it")
            raise error("words")

    with pytest.raises(error) as caught:
        half()
    assert caught.value.args == ("words",)
    assert os.listdir(path.parent) == (["file.txt"] if before else [])
    assert not before or path.read_text() == before


def test_json(path):
    assert read_json(path) is None
    write_json(path, {"a": [1.5, None, "é"]})
    assert read_json(path) == {"a": [1.5, None, "é"]}
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": [1.5, None, "é"]}
    path.write_text('{"a": [1.5,')
    assert read_json(path) is None
    assert os.listdir(path.parent) == ["file.txt"]


def test_written_through_to_the_disk_before_it_is_moved(path, monkeypatch):
    done = []
    sync, move = os.fsync, os.replace

    def note_sync(number):
        done.append(("sync", os.fstat(number).st_size))
        sync(number)

    def note_move(draft, place):
        done.append(("move", os.stat(draft).st_size))
        move(draft, place)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_move)
    with whole(path) as draft:
        draft.write_text("12345")
    assert done == [("sync", 5), ("move", 5)]


@pytest.mark.skipif(os.name == "nt", reason="other permissions there")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_permissions_are_what_the_umask_allows(path, umask, mode):
    before = os.umask(umask)
    try:
        with whole(path) as draft:
            draft.write_text("x")
            draft.chmod(0o600)  # as safetensors does
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("name", ["", ".", "folder"])
def test_a_folder_is_no_place(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    os.mkdir("folder")
    with pytest.raises(IsADirectoryError, match="Is a directory"), whole(name):
        pytest.fail("there is nothing to write to")
    assert os.listdir() == ["folder"]


def test_reason():
    full = OSError(28, "No space left on device")
    assert reason(full) == "No space left on device"
    assert reason(RuntimeError("unexpected pos 768 vs 662")) == "unexpected pos 768 vs 662"
    on_top, later = RuntimeError("unexpected pos 768 vs 662"), PermissionError(13, "Not allowed")
    on_top.__context__ = later.__context__ = full  # the second was raised while handling it
    assert reason(on_top) == "No space left on device"
    assert reason(later) == "Not allowed"


def test_a_state_takes_away_what_a_killed_process_left(tmp_path):
    for name in (".step-00000003.pt.77.part", ".step-00000004.pt.78.part", ".other.77.part"):
        (tmp_path / name).write_bytes(bytes(99))
    states.save_state(tmp_path, {"step": 5})
    assert sorted(os.listdir(tmp_path)) == [".other.77.part", "step-00000005.pt"]


FULL_DISK = """
import resource, signal, sys
import torch
from vqedu import checkpoints, codec, states
from vqedu.autoencoders import vqvae
from vqedu.errors import CheckpointError, DataError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing beyond the limit is an error, not the end
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
writers = {
    CheckpointError: [
        lambda: checkpoints.save(vqvae(num_codes=8, code_dim=4, width=8), "model.safetensors"),
        lambda: states.save_state("training", {"step": 1, "weight": torch.rand(9999)}),
    ],
    DataError: [lambda: codec.write_image(torch.rand(3, 99, 99), "picture.png")],
}
for error, works in writers.items():
    for work in works:
        try:
            work()
        except error as caught:
            print(caught)
"""


def test_a_full_disk(tmp_path):
    """For real: the system refuses to let any file grow."""
    pytest.importorskip("resource", reason="Windows has no such limit")
    command = [sys.executable, "-c", FULL_DISK]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    names = "model.safetensors", "the training state training/step-00000001.pt", "picture.png"
    for line, name in zip(lines, names, strict=True):
        assert line.startswith(f"cannot write {name}: ")
        assert "File too large" in line
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_state_that_torch_fails_to_write(tmp_path, monkeypatch):
    """Without a word from the system."""

    def fail(*arguments):
        raise RuntimeError("unexpected pos 768 vs 662")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(CheckpointError, match=r"cannot write the training state .*unexpected pos"):
        states.save_state(tmp_path, {"step": 5})
    assert os.listdir(tmp_path) == []
