"""verl: a reward as ``custom_reward_function``, or as a reward manager that also places step and token rewards.

verl asks for one rollout at a time, from several workers. What compares siblings needs one place where they meet: ``at="ray"``
(a named actor of verl's own cluster) or the URL of a ``guerdon serve``. ``guerdon export verl SPEC`` writes the file verl loads.
verl's trainer puts a rollout's score on its last token; agent loops that put placed rewards where they belong are in
:mod:`guerdon.integrations.verl_agent_loop`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from guerdon.frozen import plain
from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.integrations.verl_agent_loop import MASK, PlacedReward, inserted_spans
from guerdon.projection import on_tokens
from guerdon.sample import Sample, SampleScores

__all__ = ["as_verl", "reward_manager", "score_function"]

Numbers = dict[str, float]


def score_function(reward: Any, **options: Any) -> Callable[..., Awaitable[Numbers]]:
    """The ``async def compute_score`` that verl's reward loop calls per rollout; ``options`` of :class:`SampleScorer`.

    Columns come from ``ground_truth`` and ``extra_info`` (where the prompt must be, if the reward reads it: verl does not pass
    it). Siblings share ``extra_info["uid"]``, else data source, split and ``["index"]``, else the prompt. Returns ``score``,
    ``acc`` (the same) and every part, always the same keys; a rollout that could not be scored gets the fallback and
    ``unscored`` 1.

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
        info = {"data_source": data_source, **plain(extra_info or {})}
        columns = scorer.columns(plain(ground_truth), info)
        sample = Sample(solution_str, info.get("prompt"), columns, group=_group(info))
        return as_verl(scorer, await scorer.score(sample))

    return compute_score


def as_verl(scorer: SampleScorer, scores: SampleScores) -> Numbers:
    """Numbers under the keys verl reads: ``score``, ``acc``, and the rest of :meth:`SampleScorer.numbers`."""
    numbers = scorer.as_numbers(scores)
    return {**numbers, "acc": numbers["score"]}


def reward_manager(reward: Any, **options: Any) -> type:
    """A reward manager class for ``reward.reward_manager.source=importlib``; ``options`` of :class:`SampleScorer`.

    Beyond :func:`score_function` it knows each rollout's prompt, ``uid``, step and token ids. Where a reward has steps or tokens,
    the score is a :class:`PlacedReward`. What tools wrote is told to rewards as the column ``environment``, where the agent loop
    is one of :mod:`guerdon.integrations.verl_agent_loop`. Groups have ``actor_rollout_ref.rollout.n`` members unless
    ``group_size`` says otherwise.
    """
    import torch
    from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

    scorer = SampleScorer(reward, **options)

    class GuerdonRewardManager(RewardManagerBase):  # type: ignore[misc]
        def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **others: Any) -> None:
            super().__init__(config, tokenizer, compute_score)
            rollout = (config.get("actor_rollout_ref") or {}).get("rollout") or {}
            self.siblings = scorer.options.group_size or rollout.get("n")

        async def run_single(self, data: Any) -> dict[str, Any]:
            item = data[-1]  # of several sequences of one rollout the last is scored
            ids = response_ids(item.batch)
            fields = plain(item.non_tensor_batch)
            decode = partial(self.tokenizer.decode, skip_special_tokens=True)
            told = fields.get("tool_extra_fields") or {}
            info = fields | (fields.get("extra_info") or {}) | told
            if len(told.get(MASK, ())) == len(ids):
                info["environment"] = await self.aside(inserted_spans, told[MASK], ids, decode)
            label = (fields.get("reward_model") or {}).get("ground_truth")
            sample = Sample(
                await self.aside(decode, ids),
                info.get("raw_prompt", info.get("prompt")),
                scorer.columns(label, info),
                group=_group(info),
                siblings=self.siblings,
                completion_ids=ids,
                step=_step(info),
            )
            scores = await scorer.score(sample)
            numbers = as_verl(scorer, scores)
            score: float = numbers["score"]
            if ids and (scores.steps is not None or scores.tokens is not None):
                placed = await self.aside(partial(on_tokens, scores, ids, decode, value=score))
                score = PlacedReward(placed.tolist(), score)
            return {"reward_score": score, "reward_extra_info": numbers}

        async def aside(self, work: Callable[..., Any], *arguments: Any) -> Any:
            return await self.loop.run_in_executor(None, work, *arguments)

        @classmethod
        def assemble_rm_scores(cls, data: Any, scores: Any) -> Any:
            placed = torch.zeros_like(data.batch["responses"], dtype=torch.float32)
            lengths = data.batch["attention_mask"][:, -placed.shape[-1] :].sum(dim=1).tolist()
            for row, (score, length) in enumerate(zip(scores, lengths, strict=True)):
                if isinstance(score, PlacedReward) and len(score.tokens) == length:
                    placed[row, :length] = torch.tensor(score.tokens)
                else:
                    placed[row, max(length - 1, 0)] = float(score)
            return placed

    return GuerdonRewardManager


def response_ids(tensors: Any) -> list[int]:
    """The tokens of one response without padding."""
    response = tensors["responses"]
    length = int(tensors["attention_mask"][-response.shape[-1] :].sum())
    return [int(token) for token in response[:length].tolist()]


def _group(info: Mapping[str, Any]) -> str | None:
    if info.get("uid") is not None:
        return str(info["uid"])
    if info.get("index") is None:
        return None
    return "/".join(str(info.get(name, "")) for name in ("data_source", "split", "index"))


def _step(info: Mapping[str, Any]) -> int | None:
    step = info.get("global_steps")
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else None
