"""What the tests of the assignments share."""

import importlib.util
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture(scope="session")
def classroom():
    """The teacher's tool, tools/classroom.py."""
    spec = importlib.util.spec_from_file_location("classroom", TOOLS / "classroom.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["classroom"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["classroom"]
