"""Recipes: what they build, that nothing but the objective differs along the ladder, and that they
say how a model was made."""

import itertools
from dataclasses import asdict, replace

import pytest
import torch

from vqedu import checkpoints, data, objectives, recipes
from vqedu.errors import CheckpointError, InputError

SMALL = {"limit": 64, "steps": 2, "batch_size": 8, "width": 32, "layers": 1}


@pytest.mark.parametrize("name", [*recipes.KINDS, *recipes.RECIPES])
def test_every_recipe_trains(name):
    recipe = replace(recipes.find(name), **SMALL)
    model, history = recipes.train(recipe, device="cpu", progress=False)
    assert history["step"] == [1, 2]
    assert not model.training
    assert (model.notes["kind"], model.notes["steps"]) == (recipe.kind, 2)
    assert model.notes["recipe"] == asdict(recipe)
    assert model.notes["made_with"]["torch"] == torch.__version__
    assert "CPU" in model.notes["made_with"]["device"]


def test_shipped_models_have_recipes():
    by_tools = {"evaluator-fashion", "features-fashion", "features-photos"}
    by_tools |= {"vqvae-moving", "vqvae-moving-frames"}
    by_tools |= {"transformer-moving", "transformer-moving-frames"}
    assert set(checkpoints.shipped()) - by_tools == set(recipes.RECIPES)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_shipped_model_is_its_recipes(name):
    """Network and data; the weights take a training, and the notes say which."""
    model, recipe = checkpoints.load(name), recipes.RECIPES[name]
    if recipe.is_prior:
        tokenizer = recipes.load_autoencoder(recipe.tokenizer)
        assert model.notes["tokenizer"] == checkpoints.fingerprint(tokenizer)
        assert (model.config["width"], model.config["layers"]) == (recipe.width, recipe.layers)
        return
    images = data.load(recipe.data or "fashion", limit=64, size=recipe.size)
    torch.manual_seed(0)
    built, _ = recipes.build(recipe, images)
    assert {k: v.shape for k, v in model.state_dict().items()} == {
        k: v.shape for k, v in built.state_dict().items()
    }


@pytest.mark.parametrize("name", ["fashion", "photos"])
def test_the_ladder_changes_one_thing_at_a_time(name):
    rungs = [asdict(recipes.rung(rung, name)) for rung in recipes.LADDER]
    changed = []
    for below, above in itertools.pairwise(rungs):
        changed.append({k for k in below if below[k] != above[k]})
    assert changed[0] == {"kind"}  # squared error or absolute error
    assert changed[1] == {"perceptual_weight"}
    assert changed[2] == {"adversarial_weight", "start", "warmup", "r1"}  # and what belongs to it
    images = data.load(name, limit=16, size=32)
    kinds = []
    for rung in recipes.LADDER:
        torch.manual_seed(0)
        model, objective = recipes.build(recipes.rung(rung, name), images)
        kinds.append((checkpoints.fingerprint(model), type(objective)))
    assert len({weights for weights, _ in kinds}) == 1  # all begin with the same weights
    assert [kind for _, kind in kinds] == [objectives.VQVAEObjective] + [
        objectives.VQGANObjective
    ] * 3


def test_the_absolute_rung_has_neither_term():
    recipe = recipes.rung("absolute")
    _, objective = recipes.build(recipe, data.load("fashion", limit=8, size=32))
    assert objective.perceptual is None
    assert objective.discriminator is None


def test_start_and_warmup_are_shares_of_the_steps():
    recipe = replace(recipes.rung("adversarial"), steps=200, start=0.5, warmup=0.1)
    _, objective = recipes.build(recipe, data.load("fashion", limit=8, size=32))
    assert (objective.start, objective.warmup) == (100, 20)
    _, early = recipes.build(replace(recipe, start=0.01), data.load("fashion", limit=8, size=32))
    assert (early.start, early.warmup) == (2, 2)  # the warm-up cannot begin before the training


def test_the_same_seed_makes_the_same_model():
    recipe = replace(recipes.find("vqgan"), **SMALL, start=0.0)
    prints = [
        checkpoints.fingerprint(recipes.train(r, device="cpu", progress=False)[0])
        for r in (recipe, recipe, replace(recipe, seed=1))
    ]
    assert prints[0] == prints[1] != prints[2]


def test_unknown_recipe():
    with pytest.raises(InputError, match="did you mean 'vqvae-fashion'"):
        recipes.find("vqvae-fasion")


def test_a_prior_needs_an_autoencoder():
    with pytest.raises(CheckpointError, match="not an autoencoder"):
        recipes.train(replace(recipes.find("pixelcnn"), tokenizer="features-fashion"))


@pytest.mark.parametrize(
    ("kind", "name", "complaint"),
    [
        ("vqvae", "digits", "'digits' gives sounds, where images are needed"),
        ("vqgan", "moving", "'moving' gives clips, where images are needed"),
        ("speech", "fashion", "'fashion' gives images, where sounds are needed"),
    ],
)
def test_data_of_another_kind(kind, name, complaint):
    with pytest.raises(InputError, match=complaint):
        recipes.train(replace(recipes.KINDS[kind], data=name))
