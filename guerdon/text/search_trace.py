"""The searches of a trajectory: what was asked, what the environment returned, and the steps between its returns."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from guerdon.text.tag_grammar import SEARCH_GRAMMAR, Grammar
from guerdon.text.trajectory import Kind, Trajectory, Turn

#: The tags of search agents; tool calls and their results stand for searches and information.
SEARCH_TAGS: dict[str, Kind] = {
    "think": "think",
    "search": "search",
    "information": "information",
    "answer": "answer",
    "tool_call": "tool_call",
    "tool_response": "tool_result",
}
_ROLES: dict[str, str] = {"tool_call": "search", "tool_result": "information"}
_QUERY_KEYS = ("query", "queries", "query_list", "search_query", "q")
_TAG = re.compile(r"</?(?:think|search|information|answer|tool_call|tool_response)>")
_DOCUMENT = re.compile(r"\bDoc\s+\d+\(Title:")


@dataclass(frozen=True, slots=True)
class Search:
    """One search of the policy: its query, what the environment returned for it (None: nothing), and its character span."""

    query: str
    found: str | None
    start: int
    end: int


def searches(trajectory: Trajectory) -> tuple[Search, ...]:
    """The policy's searches in order, each with what the environment returned for it.

    A search is a search turn, or a tool call with a query among its arguments. Returns are the information and tool-result turns
    that the policy did not write; each belongs to the earliest search still without one, else it continues the last. What
    stands inside a thought is no search, what the policy writes into an information block was not found.

    >>> from guerdon.text.trajectory import parse_trajectory
    >>> asked = {"role": "assistant", "content": "<think>hm</think><search>rain</search>"}
    >>> searches(parse_trajectory([asked, {"role": "tool", "content": "wet"}]))
    (Search(query='rain', found='wet', start=17, end=38),)
    >>> searches(parse_trajectory("<search>rain</search><information>wet</information>"))[0].found is None
    True
    """
    asked: list[tuple[str, int, int]] = []
    found: list[list[str]] = []
    waiting = 0
    for turn in trajectory:
        if turn.by_policy:
            query = query_of(turn)
            if query is not None:
                asked.append((query, turn.start, turn.end))
                found.append([])
        elif turn.kind in ("information", "tool_result") and asked:
            found[min(waiting, len(asked) - 1)].append(turn.text)
            waiting = min(waiting + 1, len(asked))
    return tuple(
        Search(query, "\n\n".join(texts) if texts else None, start, end)
        for (query, start, end), texts in zip(asked, found, strict=True)
    )


def query_of(turn: Turn) -> str | None:
    """What a turn asks a search engine; several queries of one call joined by ``##``; None where it is no search.

    >>> query_of(Turn("tool_call", "assistant", "", 0, 0, "search", {"query_list": ["rain", "wind"]}))
    'rain ## wind'
    """
    if turn.kind == "search":
        return turn.text
    if turn.kind != "tool_call" or not isinstance(turn.arguments, Mapping):
        return None
    said: Any = next((turn.arguments[key] for key in _QUERY_KEYS if key in turn.arguments), None)
    if isinstance(said, str):
        return said.strip()
    if isinstance(said, (list, tuple)) and all(isinstance(item, str) for item in said):
        return " ## ".join(item.strip() for item in said)
    return None


def policy_steps(trajectory: Trajectory) -> list[tuple[int, int]]:
    """Character spans of what the policy wrote between the turns of others: the steps of an agent, at least one.

    Searches that nobody answered make no step of their own, so that steps cannot be multiplied by writing.

    >>> from guerdon.text.trajectory import parse_trajectory
    >>> policy_steps(parse_trajectory("<search>a</search>DOCS<answer>b</answer>", environment_spans=[(18, 22)]))
    [(0, 18), (22, 40)]
    >>> policy_steps(parse_trajectory("<search>a</search><search>b</search>"))
    [(0, 36)]
    """
    spans: list[tuple[int, int]] = []
    following = False
    for turn in trajectory:
        if not turn.by_policy:
            following = False
        elif following:
            spans[-1] = (spans[-1][0], max(spans[-1][1], turn.end))
        else:
            spans.append((turn.start, turn.end))
            following = True
    return spans or [(0, len(trajectory.text))]


def follows_turns(
    trajectory: Trajectory, grammar: Grammar = SEARCH_GRAMMAR, *, final: Collection[str] = ("answer",)
) -> bool:
    """Whether the turns come in an order that ``grammar`` permits, with nothing written around them.

    As :func:`~guerdon.text.tag_grammar.follows_grammar`, over turns instead of text: information must come from the
    environment, whose words are not looked at; a block of the policy must be closed and hold no further tags; what others say
    beside information does not count. Tool calls are searches; several of them, or several returns, in a row are one.

    >>> from guerdon.text.trajectory import parse_trajectory
    >>> text = "<think>a</think><search>q</search><information>d</information><think>b</think><answer>c</answer>"
    >>> follows_turns(parse_trajectory(text, environment_spans=[(34, 62)])), follows_turns(parse_trajectory(text))
    (True, False)
    """
    state, last = "", ""
    for turn in trajectory:
        kind = _ROLES.get(turn.kind, turn.kind)
        if kind == "information":
            if turn.by_policy:
                return False
            if last == "information":
                continue
        elif not turn.by_policy:
            continue
        elif turn.kind != "tool_call" and not _is_clean(turn, trajectory.text):
            return False
        elif turn.kind == "tool_call" and last == "tool_call":
            continue
        if kind not in grammar.get(state, ()):
            return False
        state, last = kind, kind if kind == "information" else turn.kind
    return state in final


def _is_clean(turn: Turn, text: str) -> bool:
    if turn.kind not in ("think", "search", "answer") or _TAG.search(turn.text):
        return False
    return text.endswith(f"</{turn.kind}>", turn.start, turn.end)


def split_queries(query: str, separator: str = "##") -> list[str]:
    """The sub-queries of one search; blank ones are left out.

    >>> split_queries("leader of A ## leader of B ##")
    ['leader of A', 'leader of B']
    """
    return [part for piece in query.split(separator) if (part := piece.strip())]


def split_documents(found: str) -> list[str]:
    """The documents of a text in which each begins with ``Doc N(Title:``; text before the first is one too.

    >>> split_documents("Doc 1(Title: A) a Doc 2(Title: B) b")
    ['Doc 1(Title: A) a', 'Doc 2(Title: B) b']
    >>> split_documents("no markers"), split_documents(" ")
    (['no markers'], [])
    """
    starts = [0, *(mark.start() for mark in _DOCUMENT.finditer(found)), len(found)]
    return [part for a, b in pairwise(starts) if (part := found[a:b].strip())]


def matched_documents(search: Search, separator: str = "##") -> Iterator[tuple[str, list[str]]]:
    """Each sub-query of a search with the documents returned for it, as far as both reach.

    A single query has all that was returned; several share it out at the separator, in order.

    >>> list(matched_documents(Search("a ## b", "Doc 1(Title: A) x ## y", 0, 0)))
    [('a', ['Doc 1(Title: A) x']), ('b', ['y'])]
    >>> list(matched_documents(Search("C", "C## is a language", 0, 0)))
    [('C', ['C## is a language'])]
    """
    queries = split_queries(search.query, separator)
    found = search.found or ""
    shares = [found] if len(queries) == 1 else found.split(separator)
    for query, share in zip(queries, shares, strict=False):
        yield query, split_documents(share)
