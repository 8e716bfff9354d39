"""The tool behind chapter 9's comparison of quantisers: its runs, that it goes on where it stopped,
and that the results in the package are those of its settings."""

import importlib.util
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vqedu import autoencoders, quantizers, results, training

TOOL = Path(__file__).parent.parent / "tools" / "quantizers.py"
FEW = {"steps": 2, "batch_size": 4, "width": 8, "code_dim": 4, "stride": 4}


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("quantizers_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["quantizers_tool"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["quantizers_tool"]


def test_the_runs(tool):
    todo = tool.jobs()
    assert len(set(todo)) == len({job.file for job in todo}) == len(todo)
    assert {tool.QUANTIZERS[job.name][0] for job in todo} == set(quantizers.BY_NAME)
    seeds = {job.seed for job in todo if job.name == "fsq" and job.codes == tool.MIDDLE}
    rates = {job.lr for job in todo if job.name == "fsq"}
    assert seeds == set(tool.SEEDS)
    assert rates == {tool.LR, *tool.OTHER_LRS}
    assert {job.codes for job in todo if job.name == "lfq"} == set(tool.CODES)
    assert max(job.codes for job in todo if job.name == "gumbel") == tool.MOST_CODES["gumbel"]


def test_equal_bits(tool):
    for job in tool.jobs():
        if job.codes > 1024:
            continue
        model = autoencoders.vqvae(**tool.recipe(job, FEW))
        q, levels = model.quantizer, tool.QUANTIZERS[job.name][1].get("num_quantizers", 1)
        assert levels * math.log2(q.num_codes) == math.log2(job.codes)
        if "bare" in job.name:
            assert not q.kmeans_init
            assert not q.revive_after
        if job.name == "gumbel":
            assert q.anneal_steps == FEW["steps"]


@pytest.mark.parametrize("name", ["ema", "residual", "lfq", "vq, bare"])
def test_a_run(tool, name):
    result = tool.run(tool.Job(name, 64), FEW, limit=10)
    assert 5 < result["psnr"] < 30
    assert 0.0156 <= result["used"] <= 1
    assert 1 <= result["perplexity"] <= 64
    assert result["perplexity"] <= 64 * result["used"] + 0.1
    assert result["seconds_a_step"] > 0
    assert result["parameters"] > 1000
    assert result == json.loads(json.dumps(result))


def test_what_is_there_is_not_made_again(tool, tmp_path):
    job = tool.Job("fsq", 64)
    assert tool.settled(job, FEW, tmp_path) is None
    result = tool.run(job, FEW, limit=10)
    (tmp_path / job.file).write_text(json.dumps(result), "utf-8")
    assert tool.settled(job, FEW, tmp_path) == result
    assert tool.settled(job, FEW | {"width": 16}, tmp_path) is None
    assert tool.settled(replace(job, seed=1), FEW, tmp_path) is None
    (tmp_path / job.file).write_text('{"name": ', "utf-8")
    assert tool.settled(job, FEW, tmp_path) is None


def test_a_stopped_run_leaves_no_result(tool, monkeypatch):
    real = training.fit
    monkeypatch.setattr(training, "fit", lambda *a, **o: real(*a, **o | {"steps": 1}))
    with pytest.raises(KeyboardInterrupt, match="was stopped"):
        tool.run(tool.Job("fsq", 64), FEW, limit=10)


def test_the_table(tool):
    one = {"used": 0.5, "perplexity": 9.0, "seconds_a_step": 0.01, "parameters": 10}
    runs = [
        {"name": "fsq", "codes": tool.MIDDLE, "seed": s, "lr": tool.LR, "psnr": 20.0 + s} | one
        for s in range(3)
    ]
    runs.append(runs[0] | {"lr": 1.0, "psnr": 0.0})  # another rate has no part in the interval
    text = tool.table({"runs": runs})
    _, half = results.interval([20.0, 21.0, 22.0])
    assert f"| fsq | 21.0 ± {half:.1f} |" in text


def test_the_results_are_those_of_the_tool(tool):
    found = results.load("quantizers")
    assert found["settings"] == tool.SETTINGS
    by_job = {tuple(r[k] for k in ("name", "codes", "seed", "lr")): r for r in found["runs"]}
    assert len(by_job) == len(found["runs"])
    for job in tool.jobs():
        r = by_job.pop((job.name, job.codes, job.seed, job.lr))
        assert r["model"] == tool.recipe(job, tool.SETTINGS)
        assert 10 < r["psnr"] < 40
        assert r["perplexity"] <= job.codes * r["used"] + 0.1
    assert not by_job


def test_short_runs_do_not_become_the_results(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quantizers.py", "--steps", "9"])
    with pytest.raises(SystemExit):
        tool.main()
    assert "name a folder" in capsys.readouterr().err


def test_help():
    done = subprocess.run([sys.executable, TOOL, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--steps" in done.stdout
