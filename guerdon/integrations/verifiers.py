"""verifiers: a reward as a function plugged into a task, ``taskset.task.rewards.<name>.fn = "file.py:reward"``.

``guerdon export verifiers SPEC`` writes the file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from guerdon.errors import GuerdonError
from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.sample import Sample

__all__ = ["Unscored", "reward_function"]


class Unscored(GuerdonError, RuntimeError):
    """A rollout that could not be scored: verifiers records errors, and takes no guess for a score."""


def reward_function(reward: Any, *, parts: bool = False, **options: Any) -> Callable[..., Awaitable[Any]]:
    """The ``async def reward(task, trace)`` of a task; ``options`` of :class:`SampleScorer`.

    The columns are fields of the task's data; the one column a reward reads may also be called ``reference``, ``answer`` or
    ``ground_truth`` there. Siblings are the traces of one task (its ``id``, ``idx`` or ``name``, else its prompt). ``parts``: a
    mapping of the parts in place of the value.

    Raises:
        Unscored: the rollout could not be scored.
    """
    scorer = SampleScorer(reward, **options)

    async def guerdon_reward(task: Any, trace: Any) -> float | Mapping[str, float]:
        data = getattr(task, "data", task)
        fields = data.model_dump() if hasattr(data, "model_dump") else dict(vars(data))
        label = _first(fields, "reference", "answer", "ground_truth")
        group = _first(fields, "id", "idx", "name")
        sample = Sample(
            trace.last_reply,
            fields.get("prompt"),
            scorer.columns(label, fields),
            group=None if group is None else str(group),
        )
        scores = await scorer.score(sample)
        if not scores.scored:
            raise Unscored(scores.note or "not scored")
        numbers = scorer.as_numbers(scores)
        return {path: numbers[path] for path in scorer.reward.part_owners} if parts else numbers["score"]

    return guerdon_reward


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that is there."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)
