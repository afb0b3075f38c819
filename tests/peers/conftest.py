"""Tests against real trainers, each in a virtual environment of its own: ``make test-integrations``.

The suite of the library does not collect them; a peer's tests are run by the Python of its environment, which has guerdon and
that peer. A peer that is missing there is a failure, not a skip.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

Written = Callable[..., Path]
Loaded = Callable[..., ModuleType]
Served = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Runs ``guerdon export`` and gives the file it wrote."""

    def write(trainer: str, spec: str, *options: str, name: str = "") -> Path:
        target = tmp_path / (name or f"guerdon_{trainer.replace('-', '_')}.py")
        command = [sys.executable, "-m", "guerdon", "export", trainer, spec, "-o", str(target), *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return target

    return write


@pytest.fixture
def exported(written: Written) -> Iterator[Loaded]:
    """Runs ``guerdon export`` and loads the file it wrote as a module of its name."""
    names: list[str] = []

    def make(trainer: str, spec: str, *options: str) -> ModuleType:
        target = written(trainer, spec, *options)
        found = importlib.util.spec_from_file_location(target.stem, target)
        assert found is not None and found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[target.stem] = module
        names.append(target.stem)
        found.loader.exec_module(module)
        return module

    yield make
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """``guerdon serve`` on a free port; gives its URL."""

    @contextmanager
    def serve(*arguments: str, **environment: str) -> Iterator[str]:
        log = tmp_path / "server.log"
        command = [sys.executable, "-m", "guerdon", "serve", *arguments, "--port", "0"]
        with log.open("w", encoding="utf-8") as said:
            process = subprocess.Popen(command, stderr=said, env=os.environ | environment)
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(timeout=60)

    return serve


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        if found := re.search(r"http://127\.0\.0\.1:[1-9]\d*", log.read_text(encoding="utf-8")):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {log.read_text(encoding='utf-8')}")
