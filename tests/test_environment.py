"""pyproject.toml, constraints.txt and environment.yml say the same thing."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import vqedu
from vqedu import doctor

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}  # where they differ
CONDA_ONLY = {"python", "pip"}
PIP_ONLY = {"constriction"}  # conda-forge does not have it; pip brings it with the package


def requirements(*groups):
    """The requirements of ``[project.dependencies]`` (no name given) or of some extras."""
    lists = [EXTRAS[group] for group in groups] if groups else [PROJECT["dependencies"]]
    return [Requirement(line) for lines in lists for line in lines]


def read_constraints():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [Requirement(line) for line in lines]


PINS = {canonicalize_name(r.name): r for r in read_constraints()}
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA = [spec for spec in ENVIRONMENT["dependencies"] if isinstance(spec, str)]
PIP = next(spec["pip"] for spec in ENVIRONMENT["dependencies"] if isinstance(spec, dict))
ALL = requirements() + requirements(*(name for name in EXTRAS if name != "all"))


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_each_requirement_is_pinned_within_its_range(requirement):
    pin = PINS[canonicalize_name(requirement.name)]
    version = str(pin.specifier).removeprefix("==")
    assert requirement.specifier.contains(version)


def test_constraints_are_exact_pins_without_duplicates():
    for pin in PINS.values():
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin
        assert not pin.url
    assert len(PINS) == len(read_constraints())


def test_the_pins_of_torch_and_torchvision():
    assert (str(PINS["torch"]), str(PINS["torchvision"])) == (
        "torch==2.15.0",
        "torchvision==0.29.2",
    )


@pytest.mark.parametrize("spec", CONDA)
def test_conda_can_read_each_line(spec):
    assert str(rattler.MatchSpec(spec)) == spec


def test_conda_has_the_same_packages_with_the_same_bounds():
    wanted = {
        CONDA_NAMES.get(r.name, r.name): str(r.specifier)
        for r in requirements() + requirements("notebooks")
        if r.name not in PIP_ONLY
    }
    found = dict(spec.split() for spec in CONDA if spec.split()[0] not in CONDA_ONLY)
    assert found == wanted


def test_conda_gets_the_rest_by_pip():
    """Book and test packages through the extras; no constraints, which would undo conda's work."""
    assert PIP == ["-e .[book,evaluator,export,sound,grading,test]"]
    kinds = {"book", "evaluator", "export", "grading", "notebooks", "sound", "test"}
    assert set(EXTRAS) == {"all", *kinds}
    assert EXTRAS["all"] == ["vqedu[notebooks,book,evaluator,export,sound,grading,test]"]


def test_one_lowest_python():
    lowest = ".".join(map(str, doctor.MIN_PYTHON))
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(f">={lowest}")
    assert f"python >={lowest}" in CONDA
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert ruff["target-version"] == "py" + lowest.replace(".", "")


def test_one_name_and_one_version():
    assert ENVIRONMENT["name"] == PROJECT["name"] == "vqedu"
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    assert PROJECT["version"] == vqedu.__version__


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_the_doctor_can_read_each_runtime_requirement(requirement):
    """It knows lower bounds only, so that it needs no package of its own."""
    assert re.fullmatch(r"[\w.-]+>=[\d.]+", str(requirement))
    assert requirement.marker is None


def test_every_package_that_the_code_imports_is_declared():
    imports = {"PIL": "pillow", "skimage": "scikit-image", "yaml": "pyyaml"}
    optional = requirements("evaluator", "export", "sound")  # imported on use, or an error
    others = {
        "IPython",  # comes with ipywidgets
        "jupyter_client",  # the doctor looks for it before it imports it
    }
    declared = {canonicalize_name(r.name) for r in [*requirements(), *optional]}
    for path in (ROOT / "vqedu").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            for top in {module.split(".")[0] for module in modules}:
                known = top in (*sys.stdlib_module_names, "vqedu", *others)
                name = canonicalize_name(imports.get(top, top))
                assert known or name in declared, f"{path}: {top} is not in pyproject.toml"
