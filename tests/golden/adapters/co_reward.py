"""Co-Reward: variant ``"official"`` (boxes read exactly as the released code does)."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.papers.co_reward import parse_rewrite, teacher_rate
from guerdon.shaping.advantages import grpo_advantage
from guerdon.shaping.votes import majority_vote
from guerdon.text.boxed import extract_boxed

REWARD = find_paper("co-reward").build("official", view="view")


def _rows(original: list[dict[str, Any]], rephrased: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (view, question["uid"], response)
        for view, questions in (("original", original), ("rephrased", rephrased))
        for question in questions
        for response in question["responses"]
    ]


def _batch(original: list[dict[str, Any]], rephrased: list[dict[str, Any]]) -> Batch:
    return Batch(
        [response for _, _, response in _rows(original, rephrased)],
        groups=[f"{view}/{uid}" for view, uid, _ in _rows(original, rephrased)],
        pair_id=[uid for _, uid, _ in _rows(original, rephrased)],
        view=[view for view, _, _ in _rows(original, rephrased)],
    )


def _size(questions: list[dict[str, Any]]) -> int:
    return sum(len(question["responses"]) for question in questions)


def _sides(name: str, values: Any, cut: int) -> dict[str, list[float]]:
    return {f"{name}_original": list(values[:cut]), f"{name}_rephrased": list(values[cut:])}


def _advantages(batch: Batch) -> Any:
    return grpo_advantage(REWARD.score(batch).values, batch.groups, ddof=1, eps=1e-6, single="raw")


PARTS = {
    "majority_vote": lambda answers: {None: ""}.get(majority_vote(answers), majority_vote(answers)),
    "extract_boxed_answer": lambda response: {None: ""}.get(
        extract_boxed(response, variant="official"), extract_boxed(response, variant="official")
    ),
    "cross_reward": lambda original, rephrased: _sides(
        "rewards", REWARD.score(_batch(original, rephrased)).values, _size(original)
    ),
    "cross_reward_grpo_advantage": lambda original, rephrased: _sides(
        "advantages", _advantages(_batch(original, rephrased)), _size(original)
    ),
    "parse_rewrite": parse_rewrite,
    "ema_teacher_alpha": lambda step, total_steps, alpha_start, alpha_end: teacher_rate(
        step, total_steps=total_steps, start=alpha_start, end=alpha_end
    ),
}
