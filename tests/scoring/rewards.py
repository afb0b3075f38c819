"""Rewards for the tests of scoring that misbehave or tell when they run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from guerdon import Batch, Note, Outcome, Reward, Scores
from guerdon.runtime import count


@dataclass(frozen=True, repr=False)
class Length(Reward):
    """Characters of the completion, counting how many rows it has scored; NaN with a note for those that say ``skip me``."""

    bounds = (0.0, float("inf"))
    subparts = ("words",)
    seen: ClassVar[list[int]] = []

    def _score(self, batch: Batch) -> Scores:
        self.seen.append(len(batch))
        texts = [str(completion) for completion in batch.completions]
        count("cache_hits", len(texts) - len(set(texts)))
        skipped = [text == "skip me" for text in texts]
        values = [np.nan if skip else float(len(text)) for text, skip in zip(texts, skipped, strict=True)]
        notes = tuple(Note(Outcome.TIMED_OUT, "asked | to") if skip else None for skip in skipped)
        words = np.array([float(len(text.split())) for text in texts])
        return Scores(np.array(values), parts={"words": words}, notes={"": notes})


@dataclass(frozen=True, repr=False)
class Fused(Reward):
    """Fails once, at the chunk that holds completion ``word``, as long as the file ``fuse`` exists."""

    word: str = "bomb"
    fuse: str = ""

    def _score(self, batch: Batch) -> list[float]:
        fuse = Path(self.fuse)
        if fuse.exists() and any(self.word in str(completion) for completion in batch.completions):
            fuse.unlink()
            raise RuntimeError("the bomb went off")
        return [float(len(str(completion))) for completion in batch.completions]
