"""Themis: a scorer of words cannot check arithmetic; beside what the calculator says, it can."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from claims.claim import Claim
from guerdon.models.tools.calculator import WorkedSteps
from guerdon.shaping.preference_accuracy import pair_accuracy
from guerdon.text.tokens import word_tokens

SIZE, TRAIN, TEST = 512, 300, 200
Floats = NDArray[np.float64]


def _features(text: str) -> Floats:
    """Hashed counts of words."""
    counts = np.zeros(SIZE)
    for word in word_tokens(text):
        counts[int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big") % SIZE] += 1.0
    return counts


def _pair(rng: np.random.Generator, with_tool: bool) -> tuple[Floats, Floats]:
    """Features of a right and of a wrong answer to one sum."""
    a, b = rng.integers(10, 99, size=2)
    off = int(rng.choice([-2, -1, 1, 2, 10]))
    said = []
    for value in (a * b, a * b + off):
        steps, answer = f"<<{a}*{b}={value}>>{value}", f"#### {value}"
        observed = WorkedSteps().run({"steps": steps, "answer": answer}).text if with_tool else ""
        said.append(_features(f"{a} times {b} {steps} {answer} {observed}"))
    return said[0], said[1]


def _accuracy(seed: int, with_tool: bool) -> float:
    """Held-out accuracy of a linear scorer fitted to preference pairs (Bradley-Terry, a little weight decay)."""
    rng = np.random.default_rng(seed)
    pairs = [_pair(rng, with_tool) for _ in range(TRAIN + TEST)]
    gaps = np.array([good - bad for good, bad in pairs])
    weights = np.zeros(SIZE)
    for _ in range(200):
        wrong = 1.0 / (1.0 + np.exp(np.clip(gaps[:TRAIN] @ weights, -30, 30)))
        weights += 0.5 * (wrong @ gaps[:TRAIN] / TRAIN - 0.001 * weights)
    scores = [(float(good @ weights), float(bad @ weights)) for good, bad in pairs[TRAIN:]]
    return pair_accuracy([good for good, _ in scores], [bad for _, bad in scores], tie=0.5)


CLAIMS = (
    Claim(
        paper="themis",
        says="A scorer of words tells right arithmetic from wrong once it reads what the calculator says",
        measure="held-out pairwise accuracy",
        ours="with the tool's message",
        baseline="the answer alone",
        run=lambda seed: (_accuracy(seed, True), _accuracy(seed, False)),
        seeds=8,
    ),
)
