"""Malformed completions never raise, never hang, and never leave the range. ``GUERDON_MALFORMED=20000`` runs the long campaign
(``make fuzz``)."""

from __future__ import annotations

import os

import numpy as np

from guerdon import Reward
from tests.core.malformed import malformed
from tests.core.test_conformance import every_reward, honest

COUNT = int(os.environ.get("GUERDON_MALFORMED", "300"))
CHUNK = 1000


@every_reward
def test_malformed_completions(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    low, high = reward.range
    texts = list(malformed(COUNT))
    for start in range(0, COUNT, CHUNK):
        part = texts[start : start + CHUNK]
        rows = np.arange(len(part)) % len(batch)
        values = reward.score(batch.select(rows).replace(completions=part)).values
        scored = values[~np.isnan(values)]
        assert np.isfinite(scored).all() and (scored >= low - 1e-9).all() and (scored <= high + 1e-9).all()
