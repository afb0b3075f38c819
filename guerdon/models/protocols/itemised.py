"""Many small questions about one text, some in each request: numbered items, each answered with one of a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from guerdon.models.chat import ChatReply
from guerdon.scores import Outcome
from guerdon.text.replies import choice_of, final_json

Answers = Sequence[str]

HOW_TO_REPLY = """Go through the items one by one. Reply with one JSON object that has each item's number as a key, and under it \
an object with "why", one short sentence, and "verdict", one of the words allowed for that item. Leave none out."""


def chunks(count: int, size: int) -> list[range]:
    """``range(count)`` cut into runs of at most ``size``, as even as can be; one run where ``size`` is 0.

    >>> chunks(5, 2), chunks(3, 0), chunks(0, 2)
    ([range(0, 2), range(2, 4), range(4, 5)], [range(0, 3)], [])
    """
    if not count:
        return []
    parts = -(-count // size) if size else 1
    edges = [-(-count * k // parts) for k in range(parts + 1)]
    return [range(start, end) for start, end in pairwise(edges)]


def item_lines(texts: Sequence[str], answers: Sequence[Answers]) -> str:
    """The items as they are shown: number, text, the words allowed.

    >>> item_lines(["Names the year."], [("yes", "no")])
    '1. Names the year. [yes | no]'
    """
    return "\n".join(
        f"{k}. {' '.join(text.split())} [{' | '.join(allowed)}]"
        for k, (text, allowed) in enumerate(zip(texts, answers, strict=True), 1)
    )


def item_schema(answers: Sequence[Answers]) -> dict[str, Any]:
    """The JSON schema of a reply about items, in order, with these words allowed for each."""
    items = {
        str(k): {
            "type": "object",
            "properties": {"why": {"type": "string"}, "verdict": {"type": "string", "enum": list(allowed)}},
            "required": ["why", "verdict"],
            "additionalProperties": False,
        }
        for k, allowed in enumerate(answers, 1)
    }
    return {"type": "object", "properties": items, "required": list(items), "additionalProperties": False}


def item_verdicts(reply: ChatReply, answers: Sequence[Answers]) -> list[str | Outcome]:
    """What a reply says of each item: one of its words, or why there is none.

    A verdict may stand without its object. Numbers that were not asked about do not count.

    >>> item_verdicts(ChatReply('{"1": {"why": "it does", "verdict": "Yes"}, "2": "maybe"}'), [("yes", "no")] * 2)
    ['yes', <Outcome.UNPARSEABLE: 'unparseable'>]
    """
    if not reply.arrived:
        return [reply.outcome] * len(answers)
    said = final_json(reply.text) or {}
    read: list[str | Outcome] = []
    for k, allowed in enumerate(answers, 1):
        item = said.get(str(k))
        word = choice_of(item.get("verdict") if isinstance(item, Mapping) else item, allowed)
        read.append(Outcome.UNPARSEABLE if word is None else word)
    return read
