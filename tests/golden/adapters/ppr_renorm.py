"""PPR with ReNorm: variant ``"official"``, an invalid process reward counts as 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from guerdon.models.protocols.score_of_max import read_process_score
from guerdon.shaping.credit import renorm, turn_rewards


def _tokens(
    turn_mask: Sequence[int],
    valid_length: int,
    process_rewards: Sequence[float | None],
    outcome_reward: float,
    mu: float = 1.0,
    renorm: bool = True,
) -> list[float]:
    return turn_rewards(
        process_rewards,
        outcome_reward,
        turn_mask,
        valid_length=valid_length,
        mu=[None, mu][renorm],
        invalid="zero",
        variant="official",
    ).tolist()


PARTS = {
    "process_score": lambda judge_output: asdict(read_process_score(judge_output)),
    "renorm": lambda process_rewards, outcome_reward, mu=1.0: renorm(
        process_rewards, outcome_reward, mu=mu, invalid="zero"
    ),
    "token_rewards": _tokens,
}
