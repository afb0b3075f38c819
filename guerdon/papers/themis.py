"""Themis: a judge that uses tools before it scores, and the objective that trains one with a value head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.models.judge import JudgeProtocol
from guerdon.models.protocols.acting import Acting
from guerdon.models.protocols.rating import Rating
from guerdon.models.tool import Tool
from guerdon.models.tools.calculator import Calculator, WorkedSteps
from guerdon.models.tools.calendar import Calendar
from guerdon.models.tools.code_interpreter import CodeInterpreter
from guerdon.models.tools.corpus_search import CorpusSearch
from guerdon.models.tools.lookup import Lookup
from guerdon.models.tools.translator import PhraseBook
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Judged

PAPER = Paper(
    slug="themis",
    title="Tool-Augmented Reward Modeling",
    year=2023,
    arxiv="2310.01045",
    kind="judge",
    parts={
        "act, observe, rationale, score; three rounds": PUBLISHED,
        "reading of actions, cut before observations": RELEASED,
        "calculator and calendar": RELEASED,
        "ranking + language loss (JointReward), pooling": RELEASED,
        "score in text in place of the value head": OURS,
        "prompts, tables for weather, wiki and translation": OURS,
    },
    columns=(),
    range=(1.0, 5.0),
    variants=("default", "official", "without-tools"),
)


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    inner: JudgeProtocol | None = None,
    tools: Sequence[Tool] | None = None,
    documents: Sequence[Any] = (),
    facts: Mapping[str, Mapping[str, str]] | None = None,
    phrases: Mapping[str, Mapping[str, str]] | None = None,
    turns: int = 3,
) -> JudgeProtocol | Reward:
    """A judge protocol, or with ``chat`` the reward it makes: a rating from 1 to 5 given after up to ``turns`` uses of tools.

    ``"official"`` has the judge act in lines of Thought, Action and Action Input, as the released models do; ``"without-tools"`` is
    the baseline. A reward model with a value head is trained by
    :class:`~guerdon.training.losses.joint_reward.JointReward` on the same traces.

    Args:
        chat: the judge.
        inner: how it judges; default: a critique and a :class:`~guerdon.models.protocols.rating.Rating`.
        tools: what it may use; default: :func:`toolbox` of the next three.
        documents, facts, phrases: see :func:`toolbox`.
        turns: the most uses of tools before a verdict.
    """
    judging = inner or Rating(critique=True, expected=False)
    if variant == "without-tools":
        return judging if chat is None else Judged(chat, judging)
    box = tuple(toolbox(documents, facts, phrases) if tools is None else tools)
    acting = Acting(judging, box, turns=turns, grammar="react" if variant == "official" else "tool_call")
    return acting if chat is None else Judged(chat, acting)


def toolbox(
    documents: Sequence[Any] = (),
    facts: Mapping[str, Mapping[str, str]] | None = None,
    phrases: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Tool]:
    """The paper's tools that need no network: calculator, check of worked steps, calendar, code; and what tables are given for.

    Search runs over ``documents``; each table of ``facts`` (title -> name -> text), such as recorded weather, is a tool of that
    title; ``phrases`` (``"en-de"`` -> phrase -> translation) make a translator. Live search, weather and translation are the
    user's to add as tools.

    >>> [tool.called for tool in toolbox(["a text"], {"weather": {"Rome, 2020-05-01": "21 C"}})]
    ['calculator', 'worked_steps', 'calendar', 'code_interpreter', 'corpus_search', 'weather']
    """
    box: list[Tool] = [Calculator(), WorkedSteps(), Calendar(), CodeInterpreter()]
    box += [CorpusSearch(documents)] if documents else []
    box += [Lookup(table, title=title, about=title) for title, table in (facts or {}).items()]
    return box + ([PhraseBook(phrases)] if phrases else [])


def calendar_observation(action: str, tool_input: str) -> str:
    """What the calendar says of an action as the paper writes it: ``Calendar.week_day``, ``day_difference`` or ``target_day``.

    >>> calendar_observation("Calendar.day_difference", "2000-01-10, 2020-06-10")
    '7457'
    """
    operation = action.rpartition(".")[2].strip()
    first, _, second = tool_input.partition(",")
    arguments: dict[str, Any] = {"operation": operation, "date": first.strip()}
    if operation == "day_difference":
        arguments["other"] = second.strip()
    if operation == "target_day":
        written = second.strip().lstrip("+-")
        days = int(second) if written.isascii() and written.isdigit() and len(written) <= 12 else None
        arguments |= {} if days is None else {"days": days}
    return Calendar().run(arguments).text
