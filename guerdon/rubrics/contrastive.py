"""Contrastive: a rubric that explains why one answer was preferred; PromptOnly: one that is written from the prompt alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from guerdon.models.chat import ChatRequest
from guerdon.registry import register
from guerdon.rubric import Criterion, Rubric
from guerdon.rubrics.consistency import Consistency
from guerdon.rubrics.examples import Example
from guerdon.rubrics.method import Made, Method, Status, Unreadable, Work, tried, writing
from guerdon.text.leakage import leaks_answer
from guerdon.text.replies import own_words
from guerdon.text.rubric_text import tagged_items

_GRAMMAR = """Reply with a numbered list and nothing else. Each item is one line in the third person that begins with "The \
response", says one thing that can be checked on a single response, and ends with [Hard Rule] or [Principle]. A hard rule follows \
from what the request asks for in so many words, such as a limit, a format, or a part that must be there. A principle is a \
quality that any good response to such a request has. No explanations."""
_GENERAL = """Word each item so that it would also fit other responses and other requests of the kind: an item with a name, number \
or phrase that is not in the request is of no use. Cover everything that matters, and merge what overlaps."""
_CONTRAST = """You write rubrics. You are shown a request and two responses to it, one of which people preferred. Write the \
criteria that explain why: those the preferred response meets and the other fails, and those that any response to the \
request must meet."""
_ALONE = """You write rubrics. You are shown a request. Write the criteria by which responses to it should be judged: what the \
request asks for, and what makes a response to such a request good."""


def read_tagged(reply: str) -> Rubric:
    """The rubric of a reply in the tagged grammar, hard rules and principles.

    Raises:
        Unreadable: it holds no item.

    >>> read_tagged("1. The response is short. [Hard Rule]").criteria[0].kind
    'hard'
    """
    items = tagged_items(own_words(reply))
    if not items:
        raise Unreadable("it holds no numbered line that ends with [Hard Rule] or [Principle]")
    texts = dict.fromkeys((item["text"], item["type"]) for item in items)
    criteria = [
        Criterion(f"c{k}", text, kind="hard" if kind == "hard_rule" else "soft")
        for k, (text, kind) in enumerate(texts, 1)
    ]
    return Rubric(tuple(criteria))


def without_leaks(rubric: Rubric, example: Example) -> Rubric | None:
    """The rubric without criteria that give details of an answer away; None where none remains."""
    kept = [c.id for c in rubric.criteria if not leaks_answer(c.text, example.prompt, example.answers)]
    return rubric.keeping(kept) if kept else None


@register("rubric_method", "contrastive")
@dataclass(frozen=True)
class Contrastive(Method):
    """Contrastive rubric generation: hard rules and principles that explain why chosen was preferred to rejected.

    Criteria that hold details of an answer (names, numbers, quotations that are not in the prompt) are dropped unless
    ``leaks``. With ``consistency`` a rubric is kept only if an independent judge who goes by it, shown the two in random order,
    prefers the chosen one. A reply that cannot be read is asked for again, ``attempts`` times in all.

    Source: OpenRubrics 2025 (arXiv 2510.07743), rubric generation and preference-label consistency; the prompt is ours.

    >>> from guerdon.rubrics.method import played
    >>> pair = Example("Say hi in a word.", ("Hi", "Hello to you"), (1.0, 2.0))
    >>> played(Contrastive(consistency=None).work(pair), ["1. The response is one word. [Hard Rule]"]).rubric.render()
    '1. The response is one word. (must)'
    """

    consistency: Consistency | None = field(default_factory=Consistency)
    leaks: bool = False
    attempts: int = 3
    temperature: float = 0.0
    max_tokens: int | None = None

    def work(self, example: Example) -> Work:
        if example.chosen is None or example.rejected is None:
            return Made(Status.UNUSABLE, reason="no chosen and rejected answer")

        def read(reply: str) -> Rubric:
            rubric = read_tagged(reply)
            kept = rubric if self.leaks else without_leaks(rubric, example)
            if kept is None:
                raise Unreadable("every item names something that only stands in a response")
            return kept

        written = yield from tried(self.request(example), read, attempts=self.attempts)
        if written.value is None:
            return written.failed
        made = Made(Status.KEPT, written.value, details={"attempts": written.calls})
        if self.consistency is None:
            return made
        return (yield from self.consistency.checked(written.value, example, made))

    def request(self, example: Example) -> ChatRequest:
        """What the writer is asked."""
        blocks = [
            ("REQUEST", example.prompt),
            ("PREFERRED", example.chosen or ""),
            ("REJECTED", example.rejected or ""),
        ]
        task = f"{_CONTRAST}\n\n{_GENERAL}"
        return writing(task, blocks, _GRAMMAR, temperature=self.temperature, max_tokens=self.max_tokens)


@register("rubric_method", "prompt_only")
@dataclass(frozen=True)
class PromptOnly(Method):
    """A rubric from the prompt alone, as a generator trained on contrastive rubrics writes it; equal prompts are written for once.

    Source: OpenRubrics 2025 (arXiv 2510.07743), inference of the rubric generator; the prompt is ours.

    >>> from guerdon.rubrics.method import played
    >>> played(PromptOnly().work(Example("Say hi.")), ["1. The response greets. [Principle]"]).rubric.ids
    ('c1',)
    """

    attempts: int = 3
    temperature: float = 0.0
    max_tokens: int | None = None

    def key(self, example: Example) -> str:
        return hashlib.sha256(example.prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def work(self, example: Example) -> Work:
        task = f"{_ALONE}\n\n{_GENERAL}"
        blocks = [("REQUEST", example.prompt)]
        request = writing(task, blocks, _GRAMMAR, temperature=self.temperature, max_tokens=self.max_tokens)
        written = yield from tried(request, read_tagged, attempts=self.attempts)
        if written.value is None:
            return written.failed
        return Made(Status.KEPT, written.value, details={"attempts": written.calls})
