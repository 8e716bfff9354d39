"""The tool behind section 9.4: which runs it makes, what each of them trains, that it goes on where
it stopped, its table."""

import importlib.util
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vqedu import checkpoints, metrics, results
from vqedu.perceptual import FeatureNet

TOOL = Path(__file__).parent.parent / "tools" / "transfer.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("transfer", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["transfer"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["transfer"]


@pytest.fixture(scope="module")
def judge():
    """A quick one: any network for colour images."""
    torch.manual_seed(0)
    network = FeatureNet(3, 2, widths=(4, 8)).eval().requires_grad_(False)
    return metrics.Evaluator(network, in_channels=3, name="somebody")


def test_the_runs(tool):
    todo = tool.jobs(SimpleNamespace(seeds=3, steps=None))
    assert len({job.name for job in todo}) == len(todo) == 3 * 3 * 3 * 2 + 4
    for seed in range(3):
        cases = {(j.way, j.images, j.steps) for j in todo if j.seed == seed}
        assert len(cases) == 18 + 4 * (seed == 0)
    longer = [job for job in todo if job.steps == tool.LONGER]
    assert {job.way for job in longer} == {"trained on", "from scratch"}
    short = tool.jobs(SimpleNamespace(seeds=1, steps=7))
    assert [job.steps for job in short] == [7] * 9
    assert all(job.name.replace("-", "").replace("_", "").isalnum() for job in todo)


def test_clothes_have_three_equal_channels(tool):
    images = tool.clothes("train", 20, seed=1)
    assert images.tensor().shape == (20, 3, 32, 32)
    assert torch.equal(images.images[:, 0], images.images[:, 2])
    assert not torch.equal(images.images, tool.clothes("train", 20, seed=2).images)


def test_the_ways(tool):
    before = checkpoints.load(tool.SOURCE).state_dict()
    for way in ("trained on", "codebook kept"):
        state = tool.prepared(way).state_dict()
        assert all(torch.equal(value, before[name]) for name, value in state.items())
    scratch = tool.prepared("from scratch").state_dict()
    assert {k: v.shape for k, v in scratch.items()} == {k: v.shape for k, v in before.items()}
    assert not torch.equal(scratch["decoder.0.weight"], before["decoder.0.weight"])


@pytest.mark.parametrize("way", ["trained on", "codebook kept"])
def test_what_a_training_moves(tool, way):
    before, model = checkpoints.load(tool.SOURCE), tool.prepared(way)
    x = tool.clothes("train", 16).tensor()
    settings = {"steps": 2, "device": "cpu", "progress": False}
    tool.fit(model, tool.VQVAEObjective(0.5), x, **settings, **tool.SETTINGS)
    same = torch.equal(model.quantizer.codebook, before.quantizer.codebook)
    assert same == (way == "codebook kept")
    for part in ("encoder", "decoder"):
        new, old = (dict(getattr(m, part).named_parameters()) for m in (model, before))
        assert all(not torch.equal(value, old[name]) for name, value in new.items())


@pytest.fixture(scope="module")
def small(tool, judge, tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer")
    test, job = tool.clothes("test", 20), tool.Job("codebook kept", 20, 2, 0)
    return folder, test, job, tool.run(job, folder, test, judge)


def test_a_run(tool, small):
    folder, _, job, result = small
    assert result["recipe"]["way"] == "codebook kept"
    numbers = [result[name] for name in ("psnr", "distance", "codes_used", "seen", "seconds")]
    assert all(math.isfinite(number) and number > 0 for number in numbers)
    assert [file.name for file in folder.iterdir()] == [f"{job.name}.json"]


def test_what_is_there_is_not_made_again(tool, small, tmp_path, monkeypatch):
    folder, _, job, result = small
    assert tool.settled(job, folder) == json.loads(json.dumps(result))
    assert tool.settled(replace(job, seed=1), folder) is None
    (tmp_path / f"{job.name}.json").write_text('{"recipe": ', "utf-8")
    assert tool.settled(job, tmp_path) is None
    monkeypatch.setattr(tool, "SETTINGS", tool.SETTINGS | {"lr": 0.5})
    assert tool.settled(job, folder) is None


def test_a_stopped_run_leaves_no_result(tool, judge, small, tmp_path, monkeypatch):
    _, test, job, _ = small
    real = tool.fit

    def stopped(*networks, steps, **options):
        return real(*networks, steps=1, **options)  # as after Ctrl-C

    monkeypatch.setattr(tool, "fit", stopped)
    with pytest.raises(KeyboardInterrupt, match="was stopped"):
        tool.run(job, tmp_path, test, judge)
    assert list(tmp_path.iterdir()) == []


def test_all_of_it(tool, judge, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(metrics, "load_evaluator", lambda name: judge)
    monkeypatch.setattr(tool, "TESTED", 20)
    monkeypatch.setattr(tool, "IMAGES", (16,))
    monkeypatch.setattr(sys, "argv", f"x --seeds 1 --steps 1 --out {tmp_path}".split())
    tool.main()
    found = json.loads((tmp_path / "transfer.json").read_text("utf-8"))
    assert [run["recipe"]["way"] for run in found["runs"]] == list(tool.WAYS)
    assert {"psnr", "distance", "codes_used"} == set(found["source"])
    assert "3/3" in capsys.readouterr().out
    times = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*-16-*.json")}
    tool.main()
    assert times == {file: file.stat().st_mtime_ns for file in tmp_path.glob("*-16-*.json")}


def test_short_runs_do_not_become_the_results(tool, monkeypatch, capsys):
    for words in (["--steps", "9"], ["--seeds", "0"], ["--seeds", "11"]):
        monkeypatch.setattr(sys, "argv", ["transfer.py", *words])
        with pytest.raises(SystemExit):
            tool.main()
    assert "name a folder" in capsys.readouterr().err


def test_the_table(tool):
    recipe = {"way": "trained on", "images": 50, "steps": 60}
    values = {"distance": 0.9, "codes_used": 1.0, "seen": 22.0}
    runs = [{"recipe": recipe | {"seed": s}, "psnr": 20.0 + s} | values for s in range(3)]
    source = {"psnr": 19.86, "distance": 1.09, "codes_used": 0.78}
    text = tool.table({"source": source, "runs": runs})
    _, half = results.interval([20.0, 21.0, 22.0])
    assert f"| 60 | 50 | trained on | 21.0 ± {half:.1f} |" in text
    assert "| 0 | 0 | as it was | 19.86 | 1.09 | 0.78 |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_what_comes_with_the_package_is_what_the_tool_makes_now(tool):
    found = results.load("transfer")
    todo = tool.jobs(SimpleNamespace(seeds=3, steps=None))
    recipes = [run["recipe"] for run in found["runs"]]
    assert all(tool.recipe(job) in recipes for job in todo)


def test_help():
    done = subprocess.run([sys.executable, TOOL, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--seeds" in done.stdout
