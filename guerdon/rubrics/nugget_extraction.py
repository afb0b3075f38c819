"""NuggetExtraction: the atomic facts of a good answer, taken from passages that were found for the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.models.tool import Tool, ToolUse
from guerdon.registry import register
from guerdon.rubric import Criterion, Rubric
from guerdon.rubrics.examples import Example
from guerdon.rubrics.method import Ask, Made, Method, Status, Unreadable, Work, tried, tried_all, writing
from guerdon.text.replies import final_json
from guerdon.text.token_f1 import token_f1

_QUERIES = """You write search queries. You are shown a question. Write queries that together find all that a full answer to \
it needs, each for another side of it."""
_QUERIED = 'Reply with one JSON object: under "queries", a list of at most {count} short texts.'
_EXTRACT = """You take facts from a passage. You are shown a question and a passage that a search found for it. List the facts in \
the passage that a good answer to the question must state or would do well to state: each atomic, complete in itself, without \
pronouns, in the passage's own terms, nothing you know from elsewhere. A passage that does not bear on the question has none."""
_EXTRACTED = """Reply with one JSON object: under "nuggets", a list of objects with "text", one short sentence, and "importance", \
vital or okay. An empty list is allowed."""
_MERGE = """You merge facts. You are shown a question and a numbered list of facts. Facts that say the same are one fact; keep the \
fullest wording of each. Change nothing else and add none."""
_MERGED = """Reply with one JSON object: under "nuggets", a list of objects with "text" and "from", the numbers of the facts it \
stands for. Each number appears once."""


@register("rubric_method", "nugget_extraction")
@dataclass(frozen=True)
class NuggetExtraction(Method):
    """Nuggets of a question as criteria: queries, passages, facts of each relevant passage, duplicates merged.

    Passages are those of the example and, with ``search``, what that tool answers to at most ``queries`` queries the writer
    words. Facts whose words overlap by a token F1 of ``alike`` or more are one; with ``merge`` the writer merges what else
    says the same. A vital fact has weight 1, another ``okay``. Used as column ``nuggets`` of
    :class:`~guerdon.models.protocols.nuggets.Nuggets`.

    Source: Search-Gen-V 2025 (arXiv 2510.14660), rubric construction; prompts, weights and merging are our design.
    """

    search: Tool | None = None
    argument: str = "query"
    queries: int = 3
    most: int = 20
    alike: float = 0.85
    merge: bool = True
    okay: float = 0.5
    attempts: int = 3
    temperature: float = 0.0
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if min(self.queries, self.most, self.attempts) < 1 or not 0 < self.alike <= 1 or not 0 <= self.okay <= 1:
            raise UserError(
                f"queries={self.queries}, most={self.most}, attempts={self.attempts} must be at least 1, "
                f"alike={self.alike} in (0, 1] and okay={self.okay} in [0, 1]"
            )

    def work(self, example: Example) -> Work:
        passages = list(example.passages)
        sampling: dict[str, Any] = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        question = ("QUESTION", example.prompt)
        if self.search is not None:
            ending = _QUERIED.format(count=self.queries)
            worded = yield from tried(
                writing(_QUERIES, [question], ending, **sampling), _queries, attempts=self.attempts
            )
            if worded.value is None:
                return worded.failed
            said = worded.value[: self.queries]
            found = yield [Ask(ToolUse(self.search, {self.argument: query})) for query in said]
            passages += [reply.text for reply in found if reply.arrived and reply.text.strip()]
        passages = list(dict.fromkeys(passages))
        if not passages:
            return Made(Status.UNUSABLE, reason="no passages")
        requests = [writing(_EXTRACT, [question, ("PASSAGE", one)], _EXTRACTED, **sampling) for one in passages]
        taken = yield from tried_all(requests, self._facts, attempts=self.attempts)
        if taken.value is None:
            return taken.failed
        facts = [fact for found in taken.value for fact in found]
        merged = distinct_facts(facts, alike=self.alike)
        details = {"passages": len(passages), "facts": len(facts)}
        if self.merge and len(merged) > 1:
            listed = "\n".join(f"{k}. {text}" for k, (text, _) in enumerate(merged, 1))
            request = writing(_MERGE, [question, ("FACTS", listed)], _MERGED, **sampling)
            fewer = yield from tried(request, lambda reply: _merged(reply, merged), attempts=self.attempts)
            if fewer.value is None:
                return fewer.failed
            merged = fewer.value
        if not merged:
            return Made(Status.UNUSABLE, reason="no passage bears on the question", details=details)
        best = sorted(merged, key=lambda fact: -fact[1])[: self.most]
        criteria = tuple(Criterion(f"n{k}", text, weight) for k, (text, weight) in enumerate(best, 1))
        return Made(Status.KEPT, Rubric(criteria), details=details)

    def _facts(self, reply: str) -> list[tuple[str, float]]:
        return [
            (text, 1.0 if str(entry.get("importance", "vital")).strip().lower() != "okay" else self.okay)
            for entry in _entries(reply, "nuggets")
            if (text := " ".join(str(entry.get("text", "")).split()))
        ]


def distinct_facts(facts: Sequence[tuple[str, float]], *, alike: float = 0.85) -> list[tuple[str, float]]:
    """The facts without those that repeat an earlier one, by token F1 of normalised words; each with its greatest weight.

    >>> distinct_facts([("The tower is tall.", 0.5), ("Tower is tall", 1.0), ("It is in Paris.", 1.0)])
    [('The tower is tall.', 1.0), ('It is in Paris.', 1.0)]
    """
    kept: list[tuple[str, float]] = []
    for text, weight in facts:
        said = text
        near = next((k for k, (other, _) in enumerate(kept) if token_f1(said, other) >= alike), None)
        if near is None:
            kept.append((text, weight))
        else:
            kept[near] = (kept[near][0], max(weight, kept[near][1]))
    return kept


def _queries(reply: str) -> list[str]:
    said = (final_json(reply) or {}).get("queries")
    queries = [one.strip() for one in said if isinstance(one, str) and one.strip()] if isinstance(said, list) else []
    if not queries:
        raise Unreadable('it ends on no JSON object with texts under "queries"')
    return list(dict.fromkeys(queries))


def _merged(reply: str, facts: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    merged, seen = [], []
    for entry in _entries(reply, "nuggets"):
        text, numbers = " ".join(str(entry.get("text", "")).split()), entry.get("from")
        own = [k for k in numbers if isinstance(k, int) and 1 <= k <= len(facts)] if isinstance(numbers, list) else []
        if not text or not own:
            raise Unreadable('every nugget needs a "text" and under "from" the numbers of the facts it stands for')
        seen += own
        merged.append((text, max(facts[k - 1][1] for k in own)))
    if sorted(seen) != list(range(1, len(facts) + 1)):
        raise Unreadable(f"each of the numbers 1 to {len(facts)} must appear once")
    return merged


def _entries(reply: str, key: str) -> list[Mapping[str, Any]]:
    said = (final_json(reply) or {}).get(key)
    if not isinstance(said, list):
        raise Unreadable(f'it ends on no JSON object with a list under "{key}"')
    entries = [{"text": one} if isinstance(one, str) else one for one in said]
    if not all(isinstance(one, Mapping) for one in entries):
        raise Unreadable(f'"{key}" must be a list of objects')
    return entries
