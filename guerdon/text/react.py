"""Think, act, observe, as plain text: ``Thought``, ``Action``, ``Action Input``, ``Observation``, and the work that ends it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["action", "rationale", "finish", "none"]

_OBSERVATIONS = ("\nObservation:", "\n\tObservation:", "<start_observation>")
_ACTION = re.compile(r"\bAction\s{0,8}\d{0,4}\s{0,8}:")
_INPUT = re.compile(r"\bAction\s{0,8}\d{0,4}\s{0,8}Input\s{0,8}\d{0,4}\s{0,8}:")
_WORK = re.compile(r"\bWork\s{0,8}:")
_FINISHED = "Finished"


@dataclass(frozen=True, slots=True)
class Acted:
    """What a generation does: use a ``tool`` with a ``tool_input``, give a rationale or finish (``text``), or none of these."""

    kind: Kind
    tool: str = ""
    tool_input: str = ""
    text: str = ""


def cut_before_observation(generation: str) -> str:
    """The generation up to the first observation in it: what a model writes behind that it has made up.

    Source: Themis 2023 (arXiv 2310.01045), released code.

    >>> cut_before_observation("Action: a\\nAction Input: b\\nObservation: 4")
    'Action: a\\nAction Input: b'
    """
    found = [at for marker in _OBSERVATIONS if (at := generation.find(marker)) >= 0]
    return generation[: min(found)] if found else generation


def parse_actions(generation: str) -> Acted:
    """What a generation does, in this order of priority: an action with its input, a rationale, the end.

    The input goes on to the end of the text; blanks and double quotes at its ends are taken off, quotes not from a ``SELECT``.

    Source: Themis 2023 (arXiv 2310.01045), released code.

    >>> parse_actions('Thought: look\\nAction: search\\nAction Input: "who is x"')
    Acted(kind='action', tool='search', tool_input='who is x', text='')
    >>> parse_actions("Work: it is right.").text, parse_actions("Finished").kind, parse_actions("hm").kind
    ('it is right.', 'finish', 'none')
    """
    action = _ACTION.search(generation)
    given = None if action is None else _INPUT.search(generation, action.end())
    if action is not None and given is not None:
        said = generation[given.end() :].lstrip().strip(" ")
        said = said if said.startswith("SELECT ") else said.strip('"')
        return Acted("action", generation[action.end() : given.start()].strip(), said)
    work = _WORK.search(generation)
    if work is not None:
        return Acted("rationale", text=generation[work.end() :].strip())
    if _FINISHED in generation:
        return Acted("finish", text=generation.partition(_FINISHED)[2].strip())
    return Acted("none")
