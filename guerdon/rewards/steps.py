"""Rewards on the steps of a trajectory: given by something else, or by a judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatModel, ScriptedChat
from guerdon.models.chats import as_chat
from guerdon.models.judge import Verdict
from guerdon.models.protocols.score_of_max import ScoreOfMax
from guerdon.models.protocols.steps import StepProtocol
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.search import HACKS, HONEST, OnTrajectory
from guerdon.runtime import count
from guerdon.scores import Note, Outcome, Scores, Steps
from guerdon.text.search_trace import policy_steps


@register("reward")
@dataclass(frozen=True, repr=False)
class GivenSteps(OnTrajectory):
    """The numbers of a column, one per step before the last: process rewards that something else has computed.

    The value is their sum, or ``reduction="mean"``. With ``closing`` the last step, which answers, has none and gets 0; without,
    there is one number for every step. Steps are what the policy wrote between the turns of others; their spans are known
    where there are as many. Numbers are clipped to [``low``, ``high``], unbounded unless given; range: sums (means) of that.
    Column ``process_rewards`` (a list of numbers, None for a step without one). NaN with ``missing_data`` where there is no list,
    or a step without a number.

    >>> scores = GivenSteps().score(Batch(["<answer>a</answer>"], process_rewards=[[0.5, 1.0]]))
    >>> scores.values.tolist(), scores.steps[0].values.tolist()
    ([1.5], [0.5, 1.0, 0.0])
    """

    process: str = column("process_rewards", expects="a list of numbers, one per step")
    closing: bool = True
    reduction: str = "sum"
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        check_reduction(self.reduction)

    @property
    def range(self) -> tuple[float, float]:
        return reduced_range((self.low, self.high), self.reduction)

    def _score(self, batch: Batch) -> Scores:
        steps: list[Steps | None] = []
        notes: list[Note | None] = []
        for given, trace in zip(self.read(batch, self.process), self.trajectories(batch), strict=True):
            numbers = _numbers(given)
            spans = policy_steps(trace)
            if numbers is None:
                steps.append(None)
            else:
                clipped = np.clip(np.array(numbers, dtype=np.float64), self.low, self.high)
                values = np.append(clipped, 0.0) if self.closing else clipped
                steps.append(Steps(values, np.array(spans) if len(spans) == len(values) else None))
            missing = numbers is None or any(math.isnan(number) for number in numbers)
            notes.append(Note(Outcome.MISSING_DATA, f"no number for every step in {self.process}") if missing else None)
        return Scores.from_steps(steps, reduction=self.reduction, notes={"": tuple(notes)})

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST.replace(process_rewards=[[0.5], [1.0]]), HACKS)


def _numbers(value: Any) -> list[float] | None:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return None
    try:
        numbers = [math.nan if item is None else float(item) for item in value]
    except (TypeError, ValueError, OverflowError):
        return None
    return [number if math.isfinite(number) else math.nan for number in numbers]


@register("reward")
@dataclass(frozen=True, repr=False)
class JudgedSteps(OnTrajectory):
    """What a judge says of each step: a step reward, by a :class:`~guerdon.models.protocols.steps.StepProtocol`.

    The value is the sum over steps, or ``reduction="mean"``; a step the protocol does not ask about is worth 0. Parts: the mean
    of each of the protocol's over the steps that have it, and ``valid_rate``, the share of requests that came back with a verdict
    (NaN without a request). Range: sums (means) of the protocol's bounds. Columns: the protocol's. NaN, in the step and so in the
    value, where the judge could not be reached or did not decide, noted with the first such outcome.

    >>> judge = ScriptedChat({}, default="<final_score>3,4</final_score>")
    >>> completion = [{"role": "assistant", "content": "<search>a</search>"}, {"role": "tool", "content": "b"}] * 2
    >>> JudgedSteps(judge, ScoreOfMax(question=None)).score(Batch([completion])).values.tolist()
    [0.75]
    """

    chat: ChatModel
    protocol: StepProtocol
    reduction: str = "sum"

    def __post_init__(self) -> None:
        object.__setattr__(self, "chat", as_chat(self.chat))
        super().__post_init__()
        check_reduction(self.reduction)

    @property
    def range(self) -> tuple[float, float]:
        return reduced_range(self.protocol.bounds, self.reduction)

    @property
    def own_columns(self) -> dict[str, str]:
        return {**super().own_columns, **self.protocol.own_columns}

    @property
    def subparts(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.protocol.subparts, "valid_rate")

    async def _score(self, batch: Batch) -> Scores:
        traces = self.trajectories(batch)
        asked = self.protocol.ask(batch, traces)
        requests = [question.request for row in asked for question in row if question is not None]
        count("judge_calls", len(requests))
        replies = iter(await self.chat.complete(requests) if requests else [])
        verdicts = [[None if one is None else self.protocol.read(one, next(replies)) for one in row] for row in asked]
        steps = [
            Steps(np.array([0.0 if v is None else _value(v.value) for v in row]), np.array(self.protocol.steps(trace)))
            for row, trace in zip(verdicts, traces, strict=True)
        ]
        notes = tuple(_note([verdict for verdict in row if verdict is not None]) for row in verdicts)
        parts = {
            part: np.array([_mean([_value(v.parts.get(part)) for v in row if v is not None]) for row in verdicts])
            for part in self.protocol.subparts
        }
        rates = [_mean([float(v.value is not None) for v in row if v is not None]) for row in verdicts]
        scores = Scores.from_steps(steps, reduction=self.reduction, notes={"": notes})
        return replace(scores, parts={**parts, "valid_rate": np.array(rates)})

    @classmethod
    def example_reward(cls) -> JudgedSteps:
        good = "It asks for what is needed.\n<final_score>3,4</final_score>"
        replies = {"leader of Alba": good, "Eiffel": good}
        return cls(ScriptedChat(replies, default="<final_score>0,4</final_score>"), ScoreOfMax(question=None))

    @classmethod
    def example(cls) -> Example:
        return Example(HONEST, HACKS)


def check_reduction(reduction: str) -> None:
    """Raise where steps cannot be made one value in this way."""
    if reduction not in ("sum", "mean"):
        raise UserError(f"reduction={reduction!r} is unknown; choose 'sum' or 'mean'")


def reduced_range(bounds: tuple[float, float], reduction: str) -> tuple[float, float]:
    """The range of a sum or mean of any number of steps, of which some may be 0.

    >>> reduced_range((0.0, 1.0), "mean"), reduced_range((0.0, 1.0), "sum")
    ((0.0, 1.0), (0.0, inf))
    """
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    return (low, high) if reduction == "mean" else (-math.inf if low < 0 else 0.0, math.inf if high > 0 else 0.0)


def _value(number: float | None) -> float:
    return math.nan if number is None else number


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _note(verdicts: Sequence[Verdict]) -> Note | None:
    failed = next((verdict for verdict in verdicts if verdict.value is None), None)
    if failed is not None:
        return Note(failed.outcome, failed.critique)
    return Note(Outcome.SCORED, "\n\n".join(verdict.critique for verdict in verdicts)) if verdicts else None
