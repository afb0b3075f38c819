"""Rewards for the tests on Ray: importable by its workers."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from guerdon import Batch, Reward, Scores
from guerdon.reward import State


@dataclass(frozen=True, repr=False)
class Deadly(Reward):
    """The length of the completion; the process that reads ``word`` is killed as long as the folder ``fuses`` has files."""

    word: str = "bomb"
    fuses: str = ""

    def _score(self, batch: Batch) -> np.ndarray:
        texts = [str(completion) for completion in batch.completions]
        fuses = sorted(Path(self.fuses).iterdir())
        if fuses and any(self.word in text for text in texts):
            fuses[0].unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return np.array([float(len(text)) for text in texts])


@dataclass(frozen=True, repr=False)
class Whose(Reward):
    """The process that scores."""

    seconds: float = 0.0

    def _score(self, batch: Batch) -> np.ndarray:
        time.sleep(self.seconds)
        return np.full(len(batch), float(os.getpid()))


@dataclass(frozen=True, repr=False)
class Gap(Reward):
    """The length less the mean length of the siblings."""

    ties = "group"

    def _score(self, batch: Batch) -> np.ndarray:
        values = np.array([float(len(str(text))) for text in batch.completions])
        for rows in batch.by_group():
            values[rows] -= values[rows].mean()
        return values


@dataclass(frozen=True, repr=False)
class Seen(Reward):
    """How many samples were scored before, by whomever."""

    bounds = (0.0, float("inf"))

    def initial_state(self, rng: np.random.Generator) -> State:
        return {"seen": 0}

    def advanced_state(self, state: State, batch: Batch, scores: Scores) -> State:
        return {"seen": state["seen"] + len(batch)}

    def _score(self, batch: Batch, state: State) -> np.ndarray:  # type: ignore[override]
        return np.arange(state["seen"], state["seen"] + len(batch), dtype=np.float64)
