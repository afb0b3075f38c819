"""Listwise: a judge ranks, or scores, all completions of a group at once."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Dialogue, Verdict
from guerdon.models.protocols.orders import private_rng
from guerdon.models.protocols.shown import ShownCompletions
from guerdon.registry import register
from guerdon.text.replies import choice_of, final_json

Asks = Literal["ranking", "scores"]

_TASK = """You judge several answers to one question against each other: which are more right, more complete and more helpful. \
Their order, numbers, length, confidence and polish do not count."""
_RANK = """Rank the {n} answers above. Reply with one JSON object: under "why", a few sentences that compare them; under \
"ranking", the list of all their numbers as text, best first, such as ["2", "1"]. Answers that are equally good share a place as \
an inner list, such as ["3", ["1", "2"]]."""
_SCORE = """Score the {n} answers above from {low} to {high}; use the whole scale and equal scores only where answers are equally \
good. Reply with one JSON object: under "why", a few sentences that compare them; under "scores", an object with a whole number \
for each answer's number, such as {{"1": {high}}}."""


@register("protocol", "listwise")
@dataclass(frozen=True)
class Listwise(ShownCompletions):
    """A value in [0, 1] for every completion of a group, judged side by side in one request.

    ``asks="ranking"``: (n - place) / (n - 1) among the n different texts, equal ones sharing the mean of their places; a
    reply that does not rank each exactly once leaves all undecided. ``asks="scores"``: (score - low) / (high - low) of a
    whole number on that scale; an answer without one is undecided. Completions are numbered in a private random order that
    depends on ``seed`` and the texts; with ``orders`` above 1 they are shown in that many, the value is the mean over those
    that are decided, and their standard deviation the uncertainty. Equal texts are shown once. A group with one text is not
    asked about where answers are ranked and gets 0.5. Columns: those named by ``question``, ``reference`` and ``context``,
    which a group shares.

    >>> batch = Batch(["4", "5"], ["2+2?"] * 2)
    >>> dialogue = Listwise().dialogues(batch)[0]
    >>> shown = next(dialogue)[0].text
    >>> best = "1" if shown.index("\\n4\\n") < shown.index("\\n5\\n") else "2"
    >>> try:
    ...     dialogue.send([ChatReply('{"why": "4 is right", "ranking": ["%s", "%s"]}' % (best, "21"[int(best) - 1]))])
    ... except StopIteration as end:
    ...     print({row: verdict.value for row, verdict in end.value.items()})
    {0: 1.0, 1: 0.0}
    """

    asks: Asks = "ranking"
    low: int = 1
    high: int = 10
    orders: int = 1
    seed: int = 0

    ties = "group"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.asks not in ("ranking", "scores"):
            raise UserError(f"asks={self.asks!r} is unknown; choose 'ranking' or 'scores'")
        if not self.low < self.high:
            raise UserError(f"low={self.low!r} must be below high={self.high!r}")
        if self.orders < 1:
            raise UserError(f"orders={self.orders!r} must be at least 1")

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        return [self._judged(batch, rows.tolist()) for rows in batch.by_group()]

    def _judged(self, batch: Batch, rows: Sequence[int]) -> Dialogue:
        all_texts = self.texts(batch)
        texts = {row: all_texts[row] for row in rows}
        names = sorted(set(texts.values()))
        if len(names) < 2 and self.asks == "ranking":
            return dict.fromkeys(rows, Verdict(0.5, critique="the only answer of its group"))
        prompt = batch.prompt_texts[rows[0]]
        shared = self.background(prompt, self.row(batch, rows[0]))
        rng = private_rng(self.seed, prompt, names)
        orders = [[names[k] for k in rng.permutation(len(names))] for _ in range(self.orders)]
        replies = yield [self.list_request(shared, order) for order in orders]
        read = [self.list_verdicts(reply, order) for reply, order in zip(replies, orders, strict=True)]
        verdicts = {name: _mean([found[name] for found in read]) for name in names}
        return {row: verdicts[text] for row, text in texts.items()}

    def list_request(self, shared: Sequence[tuple[str, str]], order: Sequence[str]) -> ChatRequest:
        """What the judge is asked of answers in this order."""
        ending = _RANK if self.asks == "ranking" else _SCORE
        said = ending.format(n=len(order), low=self.low, high=self.high)
        answers = [(f"ANSWER {k}", text) for k, text in enumerate(order, 1)]
        return self.request(_TASK, shared, answers, said, schema=self._schema(len(order)))

    def _schema(self, n: int) -> dict[str, Any]:
        numbers = [str(k) for k in range(1, n + 1)]
        if self.asks == "ranking":
            place = {"type": "string", "enum": numbers}
            several = {"anyOf": [place, {"type": "array", "items": place}]}
            asked: dict[str, Any] = {"type": "array", "items": several}
        else:
            score = {"type": "integer", "minimum": self.low, "maximum": self.high}
            asked = _closed(dict.fromkeys(numbers, score))
        return _closed({"why": {"type": "string"}, self.asks: asked})

    def list_verdicts(self, reply: ChatReply, order: Sequence[str]) -> dict[str, Verdict]:
        """The verdict on each text, by what one reply says."""
        said = (final_json(reply.text) or {}).get(self.asks) if reply.arrived else None
        numbers = {str(k): text for k, text in enumerate(order, 1)}
        values = ranked_values(said, tuple(numbers)) if self.asks == "ranking" else self._scored(said, tuple(numbers))
        return {
            text: Verdict.unread(reply) if number not in values else Verdict(values[number], critique=reply.text)
            for number, text in numbers.items()
        }

    def _scored(self, said: Any, numbers: Sequence[str]) -> dict[str, float]:
        scores = {k: said.get(k) for k in numbers} if isinstance(said, Mapping) else {}
        return {
            k: (float(score) - self.low) / (self.high - self.low)
            for k, score in scores.items()
            if isinstance(score, int) and not isinstance(score, bool) and self.low <= score <= self.high
        }


def ranked_values(ranking: Any, names: Sequence[str]) -> dict[str, float]:
    """Name -> (n - place) / (n - 1), from a list of names, best first, in which equals share a place as an inner list.

    Nothing where the list does not hold every name exactly once; 0.5 for a single name.

    >>> ranked_values(["b", ["a", "c"]], "abc"), ranked_values(["b", "a"], "abc")
    ({'b': 1.0, 'a': 0.25, 'c': 0.25}, {})
    """
    if not isinstance(ranking, (list, tuple)):
        return {}
    places = [
        [choice_of(one, names) for one in (item if isinstance(item, (list, tuple)) else [item])] for item in ranking
    ]
    said = [name for place in places for name in place]
    if None in said or sorted(map(str, said)) != sorted(names):
        return {}
    values: dict[str, float] = {}
    above, last = 0, len(names) - 1
    for place in places:
        value = (last - above - (len(place) - 1) / 2) / last if last else 0.5
        values |= {str(name): value for name in place}
        above += len(place)
    return values


def _mean(verdicts: Sequence[Verdict]) -> Verdict:
    values = [verdict.value for verdict in verdicts if verdict.value is not None]
    if not values:
        return verdicts[0]
    critique = "\n\n".join(verdict.critique for verdict in verdicts if verdict.value is not None)
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Verdict(statistics.fmean(values), critique=critique, uncertainty=spread)


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
