"""The tool behind chapter 7: which runs it makes, that it goes on where it stopped, its table."""

import importlib.util
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from vqedu import cards, checkpoints, recipes, results

TOOL = Path(__file__).parent.parent / "tools" / "ladder.py"
MEASURES = {"psnr", "ssim", "perceptual", "frechet", "sharpness", "codes_used", "perplexity"}


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("ladder", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["ladder"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["ladder"]


def options(tool, folder, **given):
    defaults = {"data": tool.DATA, "only": ("ladder", "prior", "ablation"), "seeds": 3}
    return SimpleNamespace(**(defaults | {"steps": None, "out": folder} | given))


def test_the_runs(tool, tmp_path):
    todo = tool.jobs(options(tool, tmp_path))
    groups = [job.group for job in todo]
    assert groups.count("ladder") == 2 * 4 * 3
    assert groups.count("prior") == 2 * 2 * 3
    assert len({job.name for job in todo}) == len(todo)
    for job in todo:
        assert job.name.replace("-", "").replace("_", "").isalnum()
        if job.group == "ladder":
            assert job.recipe == replace(recipes.rung(job.rung, job.data), seed=job.recipe.seed)
        if job.group == "ablation":
            assert job.recipe != replace(recipes.rung("adversarial"), seed=job.recipe.seed)
    short = tool.jobs(options(tool, tmp_path, only=("prior",), seeds=1, steps=7))
    assert [job.recipe.steps for job in short] == [7] * 4


@pytest.fixture(scope="module")
def small(tool, tmp_path_factory):
    """One autoencoder and one prior of a few steps, as the tool makes them."""
    folder = tmp_path_factory.mktemp("ladder")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(cards, "SAMPLES", 120)
    monkeypatch.setattr(tool, "SEEN", 100)
    todo = tool.jobs(options(tool, folder, data=("fashion",), seeds=1, steps=2))
    cheap = {"width": 32, "layers": 1}
    todo = [replace(job, recipe=replace(job.recipe, **cheap)) for job in todo]
    yield (
        folder,
        [
            (job, tool.run(job, folder, 1))
            for job in todo
            if (job.group, job.rung) in (("ladder", "adversarial"), ("prior", "adversarial"))
        ],
    )
    monkeypatch.undo()


def test_a_run(tool, small):
    folder, [(job, result), (_, prior_result)] = small
    assert set(result["metrics"]) > MEASURES
    assert result["metrics"]["evaluator"] == "evaluator-fashion"
    assert result["metrics"]["bits_per_image"] == 128
    assert all(math.isfinite(v) for k, v in result["metrics"].items() if k != "evaluator")
    assert set(result["seen"]) == set(result["metrics"])
    assert result["seen"]["psnr"] != result["metrics"]["psnr"]
    assert "seen" not in prior_result
    assert result["curves"]["step"] == [1.5]
    model = checkpoints.load(folder / f"{job.name}.safetensors")
    assert model.notes["recipe"]["adversarial_weight"] > 0
    assert prior_result["metrics"]["bits_per_token"] > 0
    assert prior_result["metrics"]["bits_per_dimension"] == pytest.approx(
        prior_result["metrics"]["bits_per_token"] * 16 / 1024
    )


def test_what_is_there_is_not_made_again(tool, small):
    folder, [(job, result), _] = small
    assert tool.settled(job, folder) == json.loads(json.dumps(result))
    other = replace(job, recipe=replace(job.recipe, lr=0.5))
    assert tool.settled(other, folder) is None
    assert tool.settled(replace(job, rung="squared"), folder) is None
    file = folder / f"{job.name}.json"
    older = json.loads(file.read_text("utf-8"))
    del older["recipe"]["variance"]  # a setting that is new, and left at its default
    file.write_text(json.dumps(older), "utf-8")
    assert tool.settled(job, folder) == older
    broken = folder / f"{replace(job, data='photos').name}.json"
    broken.write_text('{"recipe": ', "utf-8")
    assert tool.settled(replace(job, data="photos"), folder) is None


def test_a_stopped_run_leaves_no_result(tool, small, tmp_path, monkeypatch):
    _, [(job, _), _] = small
    real = recipes.train

    def stopped(recipe, **options):
        return real(replace(recipe, steps=1), **options)  # as after Ctrl-C

    monkeypatch.setattr(recipes, "train", stopped)
    with pytest.raises(KeyboardInterrupt, match="was stopped"):
        tool.run(job, tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_prior_of_another_tokenizer_is_not_settled(tool, small, tmp_path):
    folder, [(job, _), (prior_job, result)] = small
    assert tool.settled(prior_job, folder) == json.loads(json.dumps(result))
    other = tmp_path / f"{job.name}.safetensors"
    model = checkpoints.load(folder / other.name)
    model.decoder.last_layer.data += 1
    checkpoints.save(model, other, **model.notes)
    moved = replace(prior_job, recipe=replace(prior_job.recipe, tokenizer=str(other)))
    assert tool.settled(moved, folder) is None
    other.unlink()
    assert tool.settled(moved, folder) is None


def test_short_runs_do_not_become_the_results(tool, monkeypatch, capsys):
    for words in (["--steps", "9"], ["--seeds", "0"], ["--seeds", "11"]):
        monkeypatch.setattr(sys, "argv", ["ladder.py", *words])
        with pytest.raises(SystemExit):
            tool.main()
    assert "name a folder" in capsys.readouterr().err


def fake(rung, seed, psnr):
    metrics = {"psnr": psnr, "evaluator": "somebody"}
    return {"group": "ladder", "data": "fashion", "rung": rung, "seed": seed} | {
        "metrics": metrics,
        "seconds": 60.0,
        "curves": {"step": [1]},
    }


def test_the_table(tool):
    runs = [fake("squared", s, 20.0 + s) for s in range(3)] + [fake("adversarial", 0, 19.5)]
    found = tool.collect(runs, {"fashion": {"squared": 0.1}}, {"fashion": 1.0})
    assert [("curves" in r) for r in found["runs"]] == [True, False, False, True]
    text = tool.table(found)
    _, half = results.interval([20.0, 21.0, 22.0])
    assert f"| squared | 21.0 ± {half:.1f} | 60 ± 0 | 3 |" in text
    assert "| adversarial | 19.5 | 60 | 1 |" in text
    assert "somebody" in text


def test_real_images_have_a_floor(tool, monkeypatch):
    monkeypatch.setattr(tool, "SEEN", 300)
    few = tool.floor("fashion")
    monkeypatch.setattr(tool, "SEEN", 1500)
    assert 0 < tool.floor("fashion") < few  # the bias falls with the number of images


def test_timing(tool):
    seconds = tool.timing("fashion", steps=2)
    assert list(seconds) == list(recipes.LADDER)
    assert all(value > 0 for value in seconds.values())


def test_help():
    done = subprocess.run([sys.executable, TOOL, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--seeds" in done.stdout
