"""slime: a reward as ``--custom-rm-path module.function``, with ``--group-rm`` or without.

Without ``--group-rm`` slime asks sample by sample; what compares siblings then needs ``group_size``. Its ``remote_rm`` is
``guerdon serve`` and ``/remote_rm``. ``guerdon export slime SPEC`` writes the module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.sample import Sample

__all__ = ["reward_model"]

Numbers = dict[str, float]


def reward_model(reward: Any, **options: Any) -> Callable[..., Awaitable[Any]]:
    """The ``async def rm(args, sample)`` slime calls, with one sample or a list; ``options`` of :class:`SampleScorer`.

    ``sample.label`` and ``sample.metadata`` give the columns. With ``--group-rm`` a list is a whole group; without, a list is what
    one rollout has fanned out into, and ``sample.group_index`` says who are siblings.
    A number, or with ``args.reward_key`` set the object whose keys are ``score``, every part and ``unscored``.

    >>> from types import SimpleNamespace
    >>> rm = reward_model("{reward: exact_match}")
    >>> one = SimpleNamespace(prompt="2+2?", response="4", label="4", metadata={}, group_index=0, index=0)
    >>> asyncio.run(rm(SimpleNamespace(), one)), asyncio.run(rm(SimpleNamespace(reward_key="score"), [one]))
    (1.0, [{'score': 1.0, 'exact_match': 1.0, 'unscored': 0.0}])
    """
    scorer = SampleScorer(reward, **options)

    async def rm(args: Any, sample: Any, **others: Any) -> Any:
        many = sample if isinstance(sample, list) else [sample]
        group = uuid4().hex if getattr(args, "group_rm", False) and len(many) > 1 else None
        numbers = await asyncio.gather(*(scorer.numbers(_sample(scorer, each, group, len(many))) for each in many))
        keyed = bool(getattr(args, "reward_key", None) or getattr(args, "eval_reward_key", None))
        rewards = [row if keyed else row["score"] for row in numbers]
        return rewards if isinstance(sample, list) else rewards[0]

    return rm


def _sample(scorer: SampleScorer, sample: Any, group: str | None, together: int) -> Sample:
    """The sample as one of a whole ``group``, or where that is None as one of those with its ``group_index``."""
    metadata = sample.metadata if isinstance(getattr(sample, "metadata", None), Mapping) else {}
    index = getattr(sample, "group_index", None)
    return Sample(
        sample.response,
        sample.prompt,
        scorer.columns(sample.label, metadata),
        group=group or (None if index is None else str(index)),
        siblings=together if group else None,
        completion_ids=_ids(sample),
    )


def _ids(sample: Any) -> list[int] | None:
    tokens, length = getattr(sample, "tokens", None), getattr(sample, "response_length", 0)
    return [int(token) for token in tokens[-length:]] if tokens and length else None
