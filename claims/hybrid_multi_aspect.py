"""HARMO: a length penalty gated by correctness does not drift to short wrong answers, as "shorter is better" does."""

from __future__ import annotations

from collections.abc import Mapping

from claims.claim import Claim
from claims.tabular import Scripted, Tabular, dr_grpo, train
from guerdon import Reward, Sum, find_paper
from guerdon.rewards import Length, Tags

SHORT, MEDIUM, LONG = "no", "because " * 20 + "yes", "because " * 200 + "yes"
# What the noisy rule gives on average: it recognises a right answer six times in ten and is fooled four times in ten.
RIGHT: Mapping[str, float] = {SHORT: 0.4, MEDIUM: 0.6, LONG: 0.6}
FORM = Tags("none", name="format")


def _medium(seed: int, gated: bool) -> float:
    rule = Scripted(RIGHT, noise=0.5, seed=seed, name="rule")
    reward: Reward = find_paper("hybrid-multi-aspect").build(rule=rule, model=rule, format=FORM)
    if not gated:
        reward = Sum(rule, Length(unit="words"), weights=(1.0, -0.01))
    policy = Tabular([[SHORT, MEDIUM, LONG]])
    train(policy, reward, ["why?"], {"verifiable": [True]}, seed=seed, steps=300, rate=0.2, advantage=dr_grpo)
    return float(policy.probabilities[0, 1])


CLAIMS = (
    Claim(
        paper="hybrid-multi-aspect",
        says="With a noisy rule, the gated length penalty settles on right answers of medium length",
        measure="probability of the medium right answer",
        ours="gated penalty",
        baseline="shorter is better",
        run=lambda seed: (_medium(seed, True), _medium(seed, False)),
    ),
)
