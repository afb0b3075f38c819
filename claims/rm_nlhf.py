"""RM-NLHF: rewarding the arguments beats rewarding the verdict alone, most under label noise; an online head is not hacked."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from guerdon import Batch, Reward, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.rewards import Given
from guerdon.shaping.normalize import group_zscore

RIGHT, GOOD = (0.5, 0.9), (0.1, 0.8)
GROUP, STEPS, RATE = 8, 60, 0.1


def _reasons(seed: int, reward: Reward, noise: float) -> float:
    """P(arm that reasons: right 90%, its critique good 80%) against one that guesses (50%, 10%), labels flipped by ``noise``."""
    rng = np.random.default_rng(seed)
    preference = np.zeros(2)
    for step in range(STEPS):
        odds = np.exp(preference - preference.max())
        chance = odds / odds.sum()
        arms = rng.choice(2, size=GROUP, p=chance)
        truth = "AB"[rng.integers(2)]
        other = "AB".replace(truth, "")
        label = other if rng.random() < noise else truth
        right, good = (rng.random(GROUP) < np.array(share)[arms] for share in (RIGHT, GOOD))
        said = [truth if hit else other for hit in right]
        batch = Batch(
            [f"<critics>because</critics><choice>[[{letter}]]</choice>" for letter in said],
            groups=np.zeros(GROUP, dtype=int),
            winner=[label] * GROUP,
            human_critique=["a critique"] * GROUP,
            goodness=good.astype(float).tolist(),
            step=step,
        )
        gains = np.nan_to_num(group_zscore(reward.score(batch).values, batch.groups))
        preference += RATE * np.array([gains[arms == arm].sum() - gains.sum() * chance[arm] for arm in (0, 1)]) / GROUP
    odds = np.exp(preference - preference.max())
    return float(odds[1] / odds.sum())


def _process_against_outcome(seed: int, noise: float) -> tuple[float, float]:
    build = find_paper("rm-nlhf").build
    process = build(process=Given("goodness", low=0.0, high=1.0))
    runs = range(seed * 3, seed * 3 + 3)
    ours, baseline = (float(np.mean([_reasons(run, reward, noise) for run in runs])) for reward in (process, build()))
    return ours, baseline


def _gains(seed: int) -> tuple[float, float]:
    noisy, clean = (ours - baseline for ours, baseline in (_process_against_outcome(seed, n) for n in (0.4, 0.0)))
    return noisy, clean


VECTORS = {
    "flattering sound": (1.0, 1.0),
    "plain wrong": (0.0, 0.0),
    "plain sound": (0.0, 1.0),
    "fawning wrong": (3.0, 0.0),
}
# What the head saw before: sound critiques that flatter and plain ones that are wrong, so flattery looks as good as soundness.
COLD = ("flattering sound",) * 18 + ("plain wrong",) * 18
STYLES = ("plain wrong", "plain sound", "fawning wrong")


def _sound(seed: int, online: bool) -> float:
    """P(a critique that is sound) after training on rows of which a quarter are annotated, from a head that was misled."""
    rng = np.random.default_rng(seed)
    texts = {style: f"<critics>{style}</critics><choice>[[A]]</choice>" for style in VECTORS}
    encoder = TableEncoder(VECTORS)
    process = Given("goodness", low=0.0, high=1.0)
    reward = find_paper("rm-nlhf").build(process=process, encoder=encoder, online=online)
    scorer = reward.scorer(seed=seed)

    def batch(said: list[str], annotated: list[bool]) -> Batch:
        return Batch(
            [texts[style] for style in said],
            groups=np.zeros(len(said), dtype=int),
            winner=["A"] * len(said),
            human_critique=["a critique" if known else "" for known in annotated],
            goodness=[float("sound" in style) for style in said],
        )

    scorer.advance(batch(list(COLD), [True] * len(COLD)))
    preference = np.zeros(len(STYLES))
    for _ in range(80):
        odds = np.exp(preference - preference.max())
        chance = odds / odds.sum()
        picked = rng.choice(len(STYLES), size=16, p=chance)
        said = [STYLES[k] for k in picked]
        drawn = batch(said, [k < 4 for k in range(16)])
        values = (scorer.advance if online else scorer.score)(drawn).values[4:]
        gains = np.nan_to_num(group_zscore(values, np.zeros(12, dtype=int)))
        for k in range(len(STYLES)):
            preference[k] += RATE * (gains[picked[4:] == k].sum() - gains.sum() * chance[k])
    odds = np.exp(preference - preference.max())
    return float(odds[1] / odds.sum())


CLAIMS = (
    Claim(
        paper="rm-nlhf",
        says="A reward for the decisive arguments teaches reasoning better than the verdict alone",
        measure="probability of reasoning instead of guessing",
        ours="outcome + process",
        baseline="outcome",
        run=lambda seed: _process_against_outcome(seed, 0.0),
        seeds=10,
    ),
    Claim(
        paper="rm-nlhf",
        says="It helps more where 40% of the labels are flipped",
        measure="gain in the probability of reasoning",
        ours="40% flipped",
        baseline="clean labels",
        run=_gains,
        seeds=10,
    ),
    Claim(
        paper="rm-nlhf",
        says="A head that learns on while the policy moves is not hacked where a frozen one is",
        measure="probability of a sound critique",
        ours="online MetaRM",
        baseline="frozen MetaRM",
        run=lambda seed: (_sound(seed, True), _sound(seed, False)),
        seeds=10,
    ),
)
