"""BLEUBERI: BLEU drives a policy to the teacher's answer, and more references agree better with a preference between answers."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from guerdon import Batch, find_paper
from guerdon.papers.bleuberi import human_agreement

SUBJECTS = ("a quiet cat", "the old clock", "our new bridge", "that long river", "one small bird", "the tall tree")
VERBS = (("rested", "lay", "stayed"), ("watched", "saw", "noticed"), ("kept", "held", "carried"))
PLACES = (
    "by the warm window",
    "under a grey sky",
    "near the market square",
    "on the northern bank",
    "before the storm came",
)


def _answer(meaning: tuple[int, int, int], rng: np.random.Generator) -> str:
    subject, verb, place = meaning
    said = rng.choice(VERBS[verb])
    words = [SUBJECTS[subject], said, PLACES[place]]
    return " ".join(words if rng.random() < 0.5 else [PLACES[place], SUBJECTS[subject], said])


def _meaning(rng: np.random.Generator) -> tuple[int, int, int]:
    return int(rng.integers(len(SUBJECTS))), int(rng.integers(len(VERBS))), int(rng.integers(len(PLACES)))


def _agreement(seed: int, references: int) -> float:
    """Agreement with a preference for the answer that shares more of the reference's meaning, over 300 pairs."""
    rng = np.random.default_rng(seed)
    reward = find_paper("bleuberi").build()
    rows = []
    for _ in range(300):
        gold = _meaning(rng)
        near = (gold[0], gold[1], int(rng.integers(len(PLACES))))
        far = (gold[0], int(rng.integers(len(VERBS))), int(rng.integers(len(PLACES))))
        shared = [sum(a == b for a, b in zip(gold, other, strict=True)) for other in (near, far)]
        if shared[0] != shared[1]:
            written = [_answer(gold, rng) for _ in range(5)][:references]
            rows.append(
                (_answer(near, rng), _answer(far, rng), written, "model_a" if shared[0] > shared[1] else "model_b")
            )
    columns = {"references": [row[2] for row in rows]}
    first, second = (reward.score(Batch([row[k] for row in rows], columns=columns)).values for k in (0, 1))
    return human_agreement(first, second, [row[3] for row in rows])


CLAIMS = (
    Claim(
        paper="bleuberi",
        says="BLEU with five references agrees better with a preference for the same meaning than with one",
        measure="agreement with the preference",
        ours="five references",
        baseline="one reference",
        run=lambda seed: (_agreement(seed, 5), _agreement(seed, 1)),
        seeds=10,
    ),
)
