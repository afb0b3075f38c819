"""Tests against real trainers, each in a virtual environment of its own: ``make test-integrations``.

The suite of the library does not collect them; a peer's tests are run by the Python of its environment, which has guerdon and
that peer. A peer that is missing there is a failure, not a skip.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Written = Callable[..., ModuleType]


@pytest.fixture
def exported(tmp_path: Path) -> Written:
    """Runs ``guerdon export`` and loads the file it wrote, as the trainer would."""

    def make(trainer: str, spec: str, *options: str) -> ModuleType:
        target = tmp_path / f"{trainer.replace('-', '_')}_file.py"
        command = [sys.executable, "-m", "guerdon", "export", trainer, spec, "-o", str(target), *options]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        found = importlib.util.spec_from_file_location(target.stem, target)
        assert found is not None and found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[target.stem] = module
        found.loader.exec_module(module)
        return module

    return make
