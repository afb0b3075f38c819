"""The steps of a search agent as text: a thought and then a search or an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from guerdon.text.tags import extract_tag, tag_blocks

Action = Literal["search", "answer", ""]

_NUMBER = r"(-?\d{1,300}(?:\.\d{0,300})?)"
_TAGGED = re.compile(rf"<score>\s{{0,200}}{_NUMBER}\s{{0,200}}</score>", re.IGNORECASE)
_LABELLED = re.compile(rf"(?:score|rating)\s{{0,20}}:\s{{0,200}}{_NUMBER}", re.IGNORECASE)
_ANYWHERE = re.compile(_NUMBER)


@dataclass(frozen=True, slots=True)
class SearchAction:
    """What one turn thinks and does; "" for what is missing or unclosed."""

    thinking: str
    kind: Action
    content: str


@dataclass(frozen=True, slots=True)
class SearchStep:
    """A thought with its action, what came back for it (None: nothing), and its number from 0."""

    thinking: str
    action_type: Action
    action_content: str
    information: str | None
    step_index: int


@dataclass(frozen=True, slots=True)
class SearchSteps:
    """The final answer, "" without one, and the steps up to it."""

    final_answer: str
    steps: tuple[SearchStep, ...]


def search_action(text: str) -> SearchAction:
    """The first thought and action of a text; a search is taken before an answer, wherever they stand.

    Source: SLATE 2026 (arXiv 2602.23440), released code.

    >>> search_action("<think> t </think><search> q </search>"), search_action("<think>t</think><search>q").kind
    (SearchAction(thinking='t', kind='search', content='q'), '')
    """
    thinking = extract_tag(text, "think", "first") or ""
    for kind in ("search", "answer"):
        content = extract_tag(text, kind, "first")
        if content is not None:
            return SearchAction(thinking, kind, content)
    return SearchAction(thinking, "", "")


def search_steps(trajectory: str) -> SearchSteps:
    """The steps of a trajectory as text, up to its first closed answer.

    A step is a thought and its action; a thought without one makes no step. Of several actions after one thought the last
    counts. All of the text is taken at its word; where roles matter see :mod:`guerdon.text.search_trace`.

    Source: SLATE 2026 (arXiv 2602.23440), released code.

    >>> found = search_steps(
    ...     "<think>a</think><search>q</search><information>d</information><think>b</think><answer>c</answer>"
    ... )
    >>> found.final_answer, [(step.action_type, step.information) for step in found.steps]
    ('c', [('search', 'd'), ('answer', None)])
    """
    tags = ("think", "search", "information", "answer")
    blocks = sorted((b.start, b.end, tag, b.content.strip()) for tag in tags for b in tag_blocks(trajectory, tag))
    steps: list[SearchStep] = []
    thinking, kind, content, found = "", "", "", None  # type: str, Action, str, str | None
    answer, last = "", 0

    def close() -> None:
        if kind:
            steps.append(SearchStep(thinking, kind, content, found, len(steps)))

    for start, end, tag, said in blocks:
        if start < last:
            continue
        last = end
        if tag == "think":
            close()
            thinking, kind, content, found = said, "", "", None
        elif tag == "information":
            found = said
        else:
            kind, content = ("answer" if tag == "answer" else "search"), said
            if tag == "answer":
                answer = said
                break
    close()
    return SearchSteps(answer, tuple(steps))


def loose_score(reply: str) -> float:
    """The number of the first ``<score>`` block, else of the first ``Score:`` or ``Rating:``, else the first in the text, else 0.

    As released: a year in prose is a score, nothing is clipped, and a reply without a number is 0.

    Source: SLATE 2026 (arXiv 2602.23440), released code.

    >>> loose_score("Score: 0 <score>1</score>"), loose_score("rating: -1"), loose_score("In 2024"), loose_score("")
    (1.0, -1.0, 2024.0, 0.0)
    """
    for pattern in (_TAGGED, _LABELLED, _ANYWHERE):
        found = pattern.search(reply)
        if found:
            return float(found[1])
    return 0.0
