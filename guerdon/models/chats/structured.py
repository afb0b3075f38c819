"""Structured output: how servers are told what form a reply must have. Pure: no I/O."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from guerdon.frozen import plain
from guerdon.models.chat import ChatRequest

#: How a server is told: OpenAI's response_format; vLLM's structured_outputs, before 0.11 guided_*; SGLang's regex; llama.cpp's
#: grammar; not at all; or by what the server says it is.
Dialect = Literal["auto", "json_schema", "structured_outputs", "guided", "regex", "grammar", "none"]

_BY_OWNER: dict[str, Dialect] = {"vllm": "structured_outputs", "sglang": "regex", "llamacpp": "grammar"}
#: The key of the object that holds a choice where a server knows only objects.
_CHOICE = "choice"


def dialect_of(owner: str, version: str = "") -> Dialect:
    """The dialect of a server by the ``owned_by`` of the models it lists, and the version of vLLM.

    >>> dialect_of("vllm"), dialect_of("vllm", "0.10.2"), dialect_of("system")
    ('structured_outputs', 'guided', 'json_schema')
    """
    if owner == "vllm" and re.match(r"0\.(\d|10)\b", version):
        return "guided"
    return _BY_OWNER.get(owner.lower(), "json_schema")


def constraint(request: ChatRequest, dialect: Dialect) -> dict[str, Any]:
    """What a request's body has to say so that the reply has the form asked for; empty where nothing is asked or can be said.

    A choice in the form of an object would change the tokens that log-probabilities are of, so it is left out beside them.

    >>> constraint(ChatRequest((), choices=("yes", "no")), "regex")
    {'regex': '(yes|no)'}
    """
    if dialect == "none" or (request.schema is None and not request.choices):
        return {}
    if request.schema is not None:
        schema = plain(request.schema)
        if dialect == "structured_outputs":
            return {"structured_outputs": {"json": schema}}
        if dialect == "guided":
            return {"guided_json": schema}
        return _response_format(schema)
    choices = list(request.choices)
    match dialect:
        case "structured_outputs":
            return {"structured_outputs": {"choice": choices}}
        case "guided":
            return {"guided_choice": choices}
        case "regex":
            return {"regex": f"({'|'.join(map(re.escape, choices))})"}
        case "grammar":
            return {"grammar": "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)}
    if request.top_logprobs:
        return {}
    kind = {"type": "string", "enum": choices}
    return _response_format(
        {"type": "object", "properties": {_CHOICE: kind}, "required": [_CHOICE], "additionalProperties": False}
    )


def _response_format(schema: Any) -> dict[str, Any]:
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}}
    }


def unwrapped(request: ChatRequest, text: str) -> str:
    """The text of a reply in the form asked for, where it can be told: the choice itself, JSON without a code fence around it.

    Text that does not keep to the form is returned as it is, for the protocol to judge.

    >>> unwrapped(ChatRequest((), choices=("yes", "no")), ' {"choice": "no"} ')
    'no'
    >>> unwrapped(ChatRequest((), schema={"type": "object"}), '```json\\n{"score": 3}\\n```')
    '{"score": 3}'
    """
    said = text.strip()
    if request.choices:
        if said in request.choices:
            return said
        value = _parsed(said)
        choice = value.get(_CHOICE) if isinstance(value, dict) and len(value) == 1 else None
        return choice if choice in request.choices else text
    if request.schema is not None:
        if said.startswith("```") and said.endswith("```") and "\n" in said:
            said = said[said.index("\n") + 1 : -3].strip()
        return said if _parsed(said) is not None else text
    return text


def _parsed(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
