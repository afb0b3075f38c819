"""verl: a reward as ``custom_reward_function``, or as a reward manager that also places step and token rewards.

verl asks for one rollout at a time, from several workers. What compares siblings needs one place where they meet: ``at="ray"``
(a named actor of verl's own cluster) or the URL of a ``guerdon serve``. ``guerdon export verl SPEC`` writes the file verl loads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.projection import on_tokens
from guerdon.sample import Sample, SampleScores

__all__ = ["reward_manager", "score_function"]

Numbers = dict[str, float]


def score_function(reward: Any, **options: Any) -> Callable[..., Awaitable[Numbers]]:
    """The ``async def compute_score`` that verl's reward loop calls per rollout; ``options`` of :class:`SampleScorer`.

    Columns come from ``ground_truth`` and ``extra_info`` (where the prompt must be, if the reward reads it: verl does not pass
    it). Siblings share ``extra_info["uid"]``, else ``["index"]``, else the prompt. Returns ``score``, ``acc`` (the same) and every
    part, always the same keys; a rollout that could not be scored gets the fallback and ``unscored`` 1.

    >>> import asyncio
    >>> compute_score = score_function("{reward: exact_match}")
    >>> asyncio.run(compute_score("gsm8k", "4", "4"))["acc"]
    1.0
    """
    scorer = SampleScorer(reward, **options)

    async def compute_score(
        data_source: str,
        solution_str: str,
        ground_truth: Any,
        extra_info: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Numbers:
        info = {"data_source": data_source, **(extra_info or {})}
        sample = Sample(
            solution_str,
            info.get("prompt"),
            scorer.columns(ground_truth, info),
            group=next((str(info[name]) for name in ("uid", "index") if info.get(name) is not None), None),
        )
        return as_verl(scorer, await scorer.score(sample))

    return compute_score


def as_verl(scorer: SampleScorer, scores: SampleScores) -> Numbers:
    """Numbers under the keys verl reads."""
    numbers = scorer.as_numbers(scores)
    return {"score": numbers["score"], "acc": numbers["score"], **numbers}


def reward_manager(reward: Any, **options: Any) -> type:
    """A reward manager class for ``reward.reward_manager.source=importlib``; ``options`` of :class:`SampleScorer`.

    Beyond :func:`score_function` it knows each rollout's prompt, ``uid`` and token ids, and puts step and token rewards on the
    tokens they belong to; the sum over a rollout is its value.
    """
    import torch
    from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

    scorer = SampleScorer(reward, **options)

    class GuerdonRewardManager(RewardManagerBase):  # type: ignore[misc]
        async def run_single(self, data: Any) -> dict[str, Any]:
            item = data[-1]
            fields = item.non_tensor_batch
            ids = self.response_ids(item)
            text = await self.loop.run_in_executor(None, lambda: self.tokenizer.decode(ids, skip_special_tokens=True))
            ground_truth = (fields.get("reward_model") or {}).get("ground_truth")
            info = {**fields, **(fields.get("extra_info") or {})}
            prompt = info.get("raw_prompt", info.get("prompt"))
            sample = Sample(
                text,
                prompt.tolist() if isinstance(prompt, np.ndarray) else prompt,
                scorer.columns(ground_truth, info),
                group=None if info.get("uid") is None else str(info["uid"]),
                completion_ids=ids,
            )
            scores = await scorer.score(sample)
            numbers = as_verl(scorer, scores)
            placed = await self.loop.run_in_executor(None, lambda: self.placed(scores, ids, numbers["score"]))
            return {"reward_score": placed, "reward_extra_info": numbers}

        def response_ids(self, item: Any) -> list[int]:
            """The response's tokens without padding."""
            response = item.batch["responses"]
            length = int(item.batch["attention_mask"][-response.shape[-1] :].sum())
            return [int(token) for token in response[:length].tolist()]

        def placed(self, scores: SampleScores, ids: list[int], value: float) -> float | list[float]:
            """The value, or where steps or tokens have their own, one number per token of the response."""
            if scores.steps is None and scores.tokens is None:
                return value
            decode = partial(self.tokenizer.decode, skip_special_tokens=True)
            return [float(reward) for reward in on_tokens(scores, ids, decode, value=value)]

        @classmethod
        def assemble_rm_scores(cls, data: Any, scores: Any) -> Any:
            placed = torch.zeros_like(data.batch["responses"], dtype=torch.float32)
            for row, score in enumerate(scores):
                values = score if isinstance(score, (list, np.ndarray)) else None
                if values is None:
                    length = int(data.batch["attention_mask"][row, -placed.shape[-1] :].sum())
                    placed[row, max(length - 1, 0)] = float(score)
                else:
                    placed[row, : len(values)] = torch.as_tensor(values, dtype=torch.float32)
            return placed

    return GuerdonRewardManager
