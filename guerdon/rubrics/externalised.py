"""Externalised: a rubric per prompt that is verified against the known ranking and revised until it reproduces it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.protocols.orders import private_rng
from guerdon.registry import register
from guerdon.rubric import Criterion, Rubric
from guerdon.rubrics.examples import Example
from guerdon.rubrics.method import Ask, Made, Method, Status, Tried, Unreadable, Work, tried, writing
from guerdon.text.replies import final_json, own_words
from guerdon.text.rubric_text import json_items

_WRITE = """You write rubrics. You are shown a request, answers to it, and how people ranked them. Write criteria that lead \
anyone to this ranking and that hold for other requests too: each makes a clear difference in quality, none mentions an \
answer's number or place. Do not judge the answers now."""
_COUNT = """Reply with one JSON object: under "reason", one sentence; under "rubrics", a list of exactly {count} criteria, \
each one sentence that begins with "The response"."""
_RANK = """You rank answers to a request by the criteria of a rubric and by nothing else. The order they stand in does not count."""
_RANKED = """Reply with one JSON object: under "reason", a few sentences; under "rank", a list with one whole number for each \
of the {count} answers in the order shown: 1 for the best, 2 for the next, no two alike."""
_REVISE = """You revise rubrics. You are shown a request, answers to it, a rubric, and how a judge who went by it ranked the \
answers instead of how people did. Improve the criteria so that they lead to the ranking of the people, without naming an answer."""


def same_order(predicted: Sequence[float], labels: Sequence[float]) -> bool:
    """Whether two rankings put items in the same order, by stable sorting: a tie stands for the order they are given in.

    False for a prediction that is empty or of another length.

    Source: ARR 2026 (arXiv 2605.08354), released validator.

    >>> same_order([10, 30], [1, 2]), same_order([1, 1], [1, 2]), same_order([1, 1], [2, 1]), same_order([1], [1, 2])
    (True, True, False, False)
    """
    if not len(predicted) or len(predicted) != len(labels):
        return False
    return bool(np.array_equal(np.argsort(predicted, kind="stable"), np.argsort(labels, kind="stable")))


def same_score(predicted: float, label: float, *, low: float = -np.inf, high: float = np.inf) -> bool:
    """Whether a score, brought within its scale, rounds to the same whole number as the label.

    Source: ARR 2026 (arXiv 2605.08354), pointwise mode.

    >>> same_score(3.4, 3.0), same_score(9.0, 5.0, low=1, high=5)
    (True, True)
    """
    return round(min(max(float(predicted), low), high)) == round(float(label))


@register("rubric_method", "externalised")
@dataclass(frozen=True)
class Externalised(Method):
    """Generate, verify, revise: ``count`` criteria from a ranked example, kept once a judge who goes by them ranks as the \
label does.

    For at most ``epochs`` rounds: the judge ranks the answers by the criteria; if the order is that of the label, the rubric is
    kept; else the writer revises it, told both rankings. The last revision is not judged again. ``shuffled`` shows the judge the
    answers in an order that a seeded coin decides; ``strict`` wants a ranking without ties, where the released code lets a
    tie stand for the order shown. Details: ``epoch`` (the round that passed, ``epochs`` where none did, 0 where nothing was
    generated), ``judge_calls``, ``revisions``.

    Source: ARR 2026 (arXiv 2605.08354), released rubric loop; the prompts are ours. The official settings are ``shuffled=False,
    strict=False``.
    """

    count: int = 5
    epochs: int = 5
    shuffled: bool = True
    strict: bool = True
    attempts: int = 5
    temperature: float = 0.0
    max_tokens: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.count, self.epochs, self.attempts) < 1:
            raise UserError(f"count={self.count}, epochs={self.epochs} and attempts={self.attempts} must be at least 1")

    def work(self, example: Example) -> Work:
        if len(set(example.ranks)) < 2:
            return Made(Status.UNUSABLE, reason="no ranking of at least two answers")
        labels = f"Ranks of the answers in this order, 1 the best: {_listed(example.ranks)}"
        ending = f"{labels}\n\n{_COUNT.format(count=self.count)}"
        first = yield from self._written(_WRITE, [("REQUEST", example.prompt), *_answers(example.answers)], ending)
        details = {"epoch": 0, "judge_calls": 0, "revisions": 0}
        if first.value is None:
            return Made(first.status, reason=first.reason, details=details)
        rubric = first.value
        for epoch in range(self.epochs):
            judged = yield from self._ranked(example, rubric)
            details["judge_calls"] += 1
            if judged.status is Status.UNANSWERED:
                return Made(Status.UNANSWERED, rubric, judged.reason, details)
            predicted = judged.value or ()
            if same_order(predicted, example.ranks):
                return Made(Status.KEPT, rubric, details={**details, "epoch": epoch})
            details["epoch"] = self.epochs
            told = _listed(predicted) if predicted else "none that could be read"
            feedback = f"{labels}\nRanks the judge gave by this rubric: {told}\n\n{_COUNT.format(count=self.count)}"
            blocks = [("REQUEST", example.prompt), *_answers(example.answers), ("RUBRIC", rubric.render())]
            revised = yield from self._written(_REVISE, blocks, feedback)
            if revised.value is None:
                break
            rubric = revised.value
            details["revisions"] += 1
        return Made(Status.INCONSISTENT, rubric, "the judge does not reach the label's ranking by this rubric", details)

    def _written(
        self, task: str, blocks: Sequence[tuple[str, str]], ending: str
    ) -> Generator[Sequence[Ask], Sequence[ChatReply], Tried[Rubric]]:
        request = writing(task, blocks, ending, temperature=self.temperature, max_tokens=self.max_tokens)
        return (yield from tried(request, self._read, attempts=self.attempts))

    def _read(self, reply: str) -> Rubric:
        texts = list(dict.fromkeys(item["text"] for item in json_items(own_words(reply))))
        if len(texts) != self.count:
            raise Unreadable(f'it must hold exactly {self.count} different criteria under "rubrics", not {len(texts)}')
        return Rubric(tuple(Criterion(f"c{k}", text) for k, text in enumerate(texts, 1)))

    def _ranked(
        self, example: Example, rubric: Rubric
    ) -> Generator[Sequence[Ask], Sequence[ChatReply], Tried[tuple[float, ...]]]:
        """The ranks of the answers, in the order of the example."""
        n = len(example.answers)
        rng = private_rng(self.seed, example.prompt, example.answers)
        order = rng.permutation(n).tolist() if self.shuffled else list(range(n))
        request = self.ranking(example.prompt, [example.answers[k] for k in order], rubric)
        judged = yield from tried(request, lambda reply: self._ranks(reply, n), attempts=self.attempts, judge=True)
        if judged.value is None:
            return judged
        if len(judged.value) != n:
            return judged
        ranks = dict(zip(order, judged.value, strict=True))
        return Tried(tuple(ranks[k] for k in range(n)), judged.status, judged.reason, judged.calls)

    def ranking(self, prompt: str, answers: Sequence[str], rubric: Rubric) -> ChatRequest:
        """What the judge is asked: the ranks of answers by a rubric."""
        blocks = [("RUBRIC", rubric.render()), ("REQUEST", prompt), *_answers(answers)]
        return writing(_RANK, blocks, _RANKED.format(count=len(answers)), temperature=self.temperature)

    def _ranks(self, reply: str, count: int) -> tuple[float, ...]:
        ranks = read_ranks(reply)
        if self.strict and sorted(ranks) != list(range(1, count + 1)):
            raise Unreadable(f'"rank" must hold each whole number from 1 to {count} once')
        return ranks


def read_ranks(reply: str) -> tuple[float, ...]:
    """The numbers under ``rank`` in the JSON object that the reply ends on.

    Raises:
        Unreadable: there are none.

    >>> read_ranks('{"rank": [2, 1], "reason": "the second is right"}')
    (2.0, 1.0)
    """
    said: Any = (final_json(reply) or {}).get("rank")
    if not isinstance(said, list) or not said or not all(isinstance(one, (int, float)) for one in said):
        raise Unreadable('it ends on no JSON object with a list of numbers under "rank"')
    return tuple(float(one) for one in said)


def _answers(answers: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"ANSWER {k}", answer) for k, answer in enumerate(answers, 1)]


def _listed(ranks: Sequence[float]) -> str:
    return ", ".join(f"{rank:g}" for rank in ranks)
