"""Checks that behave in every way a check can, for the tests of the verifier pool."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

PRELOADED: list[int] = []


def preload() -> None:
    """Leave a trace in the process that workers are forked from."""
    PRELOADED.append(os.getpid())


def double(number: int) -> int:
    return 2 * number


def echo(item: Any) -> Any:
    return item


class Unprintable(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError


def worker_of(_: Any) -> tuple[int, int, int]:
    """This worker, its parent, and the process that preloaded this module."""
    return os.getpid(), os.getppid(), PRELOADED[0]


def behave(how: str) -> Any:
    """Do what ``how`` says; anything else is returned in upper case."""
    if how == "hang":
        while True:
            pass
    if how == "sleep":
        time.sleep(3600)
    if how == "swallow":
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                continue
    if how == "segfault":
        ctypes.string_at(0)
    if how == "exit":
        os._exit(0)
    if how == "abort":
        os.kill(os.getpid(), signal.SIGABRT)
    if how == "memory":
        return len([bytes(1 << 20) for _ in range(1 << 20)])
    if how == "raise":
        raise ValueError("no such thing")
    if how == "quit":
        sys.exit(3)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "unprintable":
        raise Unprintable
    if how == "strange":
        return Fraction(1, 2)
    if how == "shout":
        print("noise" * 1000)
        sys.stderr.write("noise" * 1000)
        return "quiet"
    if how == "offspring":
        subprocess.Popen(["sleep", "3600"])
        time.sleep(3600)
    if how == "deep":
        return behave_deeply(0)
    return how.upper()


def behave_deeply(depth: int) -> int:
    return behave_deeply(depth + 1) + 1


def crash_once(marker: str) -> str:
    """Crash the first worker that tries, not the second."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.abort()
    return "second time"


def pause(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def enlarge(text: str) -> str:
    return text * 2


def forge(_: Any) -> bytes:
    """Say something in place of the worker that no worker would say."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\x01" * 4096)
        except OSError:
            continue
    return b""


def loaded_modules(names: list[str]) -> list[str]:
    return [name for name in names if name in sys.modules]
