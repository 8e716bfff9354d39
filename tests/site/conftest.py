import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_script(name: str, folder: str = "site"):
    """A module from a folder that is no package."""
    spec = importlib.util.spec_from_file_location(f"course_{name}", ROOT / folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def book():
    return load_script("book")


@pytest.fixture(scope="session")
def glossary():
    return load_script("glossary")


@pytest.fixture(scope="session")
def vendor():
    return load_script("vendor")


@pytest.fixture(scope="session")
def serve():
    return load_script("serve", "tools")


@pytest.fixture(scope="session")
def sample_chapter():
    return load_script("sample_chapter", "tests/site")
