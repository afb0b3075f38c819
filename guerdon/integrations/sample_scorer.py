"""SampleScorer: a reward for trainers that ask sample by sample and must have a number.

verl, OpenRLHF, slime, SkyRL, NeMo Gym and verifiers hand over one rollout at a time, from several threads, loops or processes.
Where the samples meet is told by ``at``: in this process, in a named Ray actor, or on a guerdon server.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from guerdon.errors import UserError
from guerdon.frozen import plain
from guerdon.intake import Incomplete, IntakeOptions, SharedIntake
from guerdon.reward import Reward, reward_of
from guerdon.runtime import background
from guerdon.sample import Sample, SampleScores, columns_from_label
from guerdon.scorer import Scorer, with_state
from guerdon.scores import Note, Outcome, Steps
from guerdon.spec import reward_from_spec

LOCAL, RAY = "local", "ray"


class SampleScorer:
    """Scores one sample at a time, in batches, siblings together. Pickles as its configuration.

    Args:
        reward: a reward, or its spec: a YAML file, ``paper:<slug>``, YAML.
        at: ``"local"``: in this process; ``"ray"``: in a named actor that all workers of the cluster share; a URL: on a server
            started with ``guerdon serve``. What compares siblings, or keeps state, needs one place that all workers share.
        group_size: rollouts per prompt, for rewards that compare siblings.
        group_deadline, incomplete: how long a group waits, what an incomplete one gets (:class:`~guerdon.intake.IntakeOptions`).
        fallback: the number for a sample that could not be scored; ``counts["unscored"]`` tells how many there were.
        server_reward, token: the reward's name on the server, if it has several, and its bearer token (else ``GUERDON_TOKEN``).

    Raises:
        UserError: an ``at`` that is none of these.
        SpecError: the spec cannot be read or is no reward.

    >>> import asyncio
    >>> scorer = SampleScorer("{reward: exact_match}")
    >>> asyncio.run(scorer.numbers(Sample("4", columns=scorer.columns("4"))))
    {'score': 1.0, 'exact_match': 1.0, 'unscored': 0.0}
    """

    def __init__(
        self,
        reward: Reward | Scorer | str | Path | Mapping[str, Any],
        *,
        at: str = LOCAL,
        group_size: int | None = None,
        group_deadline: float = 60.0,
        incomplete: Incomplete = "score",
        fallback: float = 0.0,
        server_reward: str | None = None,
        token: str | None = None,
    ) -> None:
        if at not in (LOCAL, RAY) and not at.startswith(("http://", "https://")):
            raise UserError(f"at={at!r} is unknown; choose 'local', 'ray' or the URL of a guerdon server")
        if not np.isfinite(fallback):
            raise UserError(f"fallback={fallback!r} must be a finite number")
        self._scoring = scoring_from(reward)
        self.reward = reward_of(self._scoring)
        self.at, self.fallback = at, fallback
        self.options = IntakeOptions(group_size, group_deadline, incomplete)
        self._server = (server_reward, token)
        self.counts: Counter[str] = Counter()
        self._place: Any = None

    def columns(self, label: Any, others: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The columns the reward reads, from a trainer's label and other fields; see :func:`guerdon.sample.columns_from_label`."""
        return {name: plain(value) for name, value in columns_from_label(self.reward, label, others).items()}

    async def score(self, sample: Sample) -> SampleScores:
        """The scores of a sample. A server or actor out of reach gives no value and says so.

        Raises:
            UserError: the sample lacks a column, or the reward needs ``group_size``.
        """
        scores = await self._scored(sample)
        self.counts["samples"] += 1
        self.counts["unscored"] += not scores.scored
        return scores

    async def numbers(self, sample: Sample) -> dict[str, float]:
        """``score`` and every part, the same keys always, all finite; ``unscored`` is 1 where ``score`` is the fallback."""
        return self.as_numbers(await self.score(sample))

    def as_numbers(self, scores: SampleScores) -> dict[str, float]:
        """As :meth:`numbers`, of scores that are there already. A part without a value is the fallback."""
        parts = {path: scores.parts.get(path, np.nan) for path in self.reward.part_owners}
        finite = {path: float(part) if np.isfinite(part) else self.fallback for path, part in parts.items()}
        score = scores.or_else(self.fallback)
        return {"score": score, **finite, "unscored": float(not scores.scored)} | {"score": score}

    def blocking(self, sample: Sample) -> SampleScores:
        """As :meth:`score`, waiting, for trainers that call plain functions from threads."""
        return background().submit(self.score(sample)).result()

    async def _scored(self, sample: Sample) -> SampleScores:
        if self._place is None:
            self._place = self._opened()
        if self.at in (LOCAL, RAY):
            return await self._place.score(sample)  # type: ignore[no-any-return]
        work = background().submit(self._from_server(sample))
        return await asyncio.wrap_future(work)

    def _opened(self) -> Any:
        if self.at == LOCAL:
            return SharedIntake(self._scoring, self.options)
        if self.at == RAY:
            from guerdon.integrations.ray_rendezvous import ActorIntake

            return ActorIntake(self._scoring, self.options)
        from guerdon.server.client import RewardClient

        name, token = self._server
        return RewardClient(self.at, name, token=token or os.environ.get("GUERDON_TOKEN"))

    async def _from_server(self, sample: Sample) -> SampleScores:
        from guerdon.server.client import ServerFault

        tied = self.reward.siblings is not None
        siblings = sample.siblings or (self.options.group_size if tied else None)
        try:
            answer = await self._place.score_one(
                sample.completion,
                sample.prompt,
                columns=sample.columns,
                group=None if sample.group is None else str(sample.group),
                siblings=siblings,
                id=None if sample.id is None else str(sample.id),
                completion_ids=sample.completion_ids,
                step=sample.step,
                detail="full",
            )
        except ServerFault as fault:
            return SampleScores.unscored(self.reward, Outcome.TRANSPORT_ERROR, str(fault))
        return from_answer(answer)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_place": None, "counts": Counter()}


def from_answer(answer: Mapping[str, Any], i: int = 0) -> SampleScores:
    """What a server's answer says of its ``i``-th sample.

    >>> from_answer({"values": [None], "parts": {"f1": [None]}, "notes": [{"f1": {"outcome": "missing_data"}}]}).note
    'f1: missing_data'
    """

    def number(value: float | None) -> float:
        return float("nan") if value is None else float(value)

    steps = (answer.get("steps") or {i: None})[i]
    tokens = (answer.get("tokens") or {i: None})[i]
    return SampleScores(
        number(answer["values"][i]),
        {path: number(values[i]) for path, values in answer.get("parts", {}).items()},
        {
            path: Note(Outcome(note["outcome"]), note.get("message", ""), note.get("answer"))
            for path, note in answer.get("notes", {i: {}})[i].items()
        },
        None if steps is None else _steps(steps),
        None if tokens is None else np.array([number(value) for value in tokens]),
    )


def _steps(rows: list[Mapping[str, Any]]) -> Steps:
    values = np.array([np.nan if row["value"] is None else row["value"] for row in rows], dtype=np.float64)
    spans = [row["span"] for row in rows]
    return Steps(values, None if any(span is None for span in spans) else np.array(spans).reshape(-1, 2))


def scoring_from(reward: Reward | Scorer | str | Path | Mapping[str, Any]) -> Reward | Scorer:
    """What scores in training, of a reward or the spec of one.

    Raises:
        SpecError: a spec cannot be read, or describes something else.
    """
    return with_state(reward if isinstance(reward, (Reward, Scorer)) else reward_from_spec(reward))
