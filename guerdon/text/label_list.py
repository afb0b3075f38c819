"""Lists of labels in the ten forms a verifier may be asked for: JSON, Python, lines, CSV, TSV, XML, numbered, pipes."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from typing import Any

from guerdon.text.json_text import NOT_JSON, parse_json

SUPPORT_LABELS = ("support", "partial_support", "not_support")
FORMATS = (
    "json",
    "csv",
    "comma_separated",
    "python_list",
    "yaml",
    "markdown",
    "xml",
    "tsv",
    "numbered",
    "pipe_separated",
)

_TAGGED = re.compile(r"<label>([^<]*+)</label>")
_NUMBERED = re.compile(r"\d+\.\s+(.+)")
_NUMBERED_FORM = re.compile(r"^\d+\.\s+\w+", re.MULTILINE)
_LONGEST = 100_000


def parse_labels(text: str, *, labels: Collection[str] = SUPPORT_LABELS, strict: bool = False) -> list[str]:
    """The labels a text lists, in order; case matters, white space around a label does not, quotes do.

    Read as the first of these that fits: a JSON list, or an object with a list ``labels``; a bracketed Python list; lines that are
    labels behind ``*`` and ``-``; ``<label>`` tags; commas; tabs; lines numbered ``1. ``; pipes. What is no label is passed over;
    with ``strict`` it leaves nothing, also where it is text around the list.

    Source: Search-Gen-V 2025 (arXiv 2510.14660), released parser, with a literal reader in place of ``eval``.

    >>> parse_labels('["support", "Support"]'), parse_labels('["support", "Support"]', strict=True)
    (['support'], [])
    >>> parse_labels("1. support\\n2) not_support"), parse_labels("support | not_support")
    (['support'], ['support', 'not_support'])
    """
    text = text.strip()
    said = _literal(text)
    if said is not None:
        entries = [entry.strip() if isinstance(entry, str) else None for entry in said]
        return _kept(entries, labels, strict)
    lines = [line for line in text.splitlines() if line.strip()]
    readings: tuple[list[str | None], ...] = (
        [line.strip("*- \n").strip() for line in lines],
        [content.strip() for content in _TAGGED.findall(text)],
        [part.strip() for part in text.split(",")] if "," in text else [],
        [part.strip() for part in text.split("\t")] if "\t" in text else [],
        [match[1].strip() if (match := _NUMBERED.match(line.strip())) else None for line in lines],
        [part.strip() for part in text.split("|")] if "|" in text else [],
    )
    if strict and _TAGGED.search(text):
        around = _TAGGED.sub("", text).replace("<labels>", "").replace("</labels>", "")
        return [] if around.strip() else _kept(readings[1], labels, strict)
    return next((found for entries in readings if (found := _kept(entries, labels, strict))), [])


def fits_format(text: str, form: str | None) -> bool:
    """Whether a list of labels is written in this form; an unknown form or None fits nothing.

    Source: Search-Gen-V 2025 (arXiv 2510.14660), released format checks; one label alone can never be CSV.

    >>> fits_format('["support"]', "json"), fits_format("support", "csv"), fits_format("- support", "yaml")
    (True, False, True)
    """
    text = text.strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    match form:
        case "json":
            said = parse_json(text)
            return isinstance(said, list) or (isinstance(said, dict) and isinstance(said.get("labels"), list))
        case "csv":
            return "," in text and not text.startswith("[")
        case "comma_separated":
            return ", " in text
        case "python_list":
            return text.startswith("[") and text.endswith("]")
        case "yaml" | "markdown":
            mark = "- " if form == "yaml" else "* "
            return bool(lines) and all(line.startswith(mark) for line in lines)
        case "xml":
            return "<labels>" in text and "</labels>" in text and "<label>" in text
        case "tsv":
            return "\t" in text
        case "numbered":
            return _NUMBERED_FORM.search(text) is not None
        case "pipe" | "pipe_separated":
            return "|" in text
    return False


def reasoning_parts(completion: str) -> tuple[str, str] | None:
    """What stands in the reasoning tags and what follows them; None for several openings or a pair that does not match.

    Without any tag the reasoning is "" and all follows.

    >>> reasoning_parts("<reasoning>a</reasoning> b"), reasoning_parts("b"), reasoning_parts("<reasoning>a")
    (('a', ' b'), ('', 'b'), None)
    """
    if "<reasoning>" not in completion:
        return "", completion
    rest = completion.partition("<reasoning>")[2]
    body, closed, after = rest.partition("</reasoning>")
    return (body, after) if closed and "<reasoning>" not in rest else None


def reasoning_format(completion: str) -> float:
    """1 for one pair of reasoning tags with text inside and after; 0.5 where one of these is blank; 0 for another number of tags.

    Source: Search-Gen-V 2025 (arXiv 2510.14660), released.

    >>> (
    ...     reasoning_format("<reasoning>a</reasoning>b"),
    ...     reasoning_format("<reasoning> </reasoning>b"),
    ...     reasoning_format("b"),
    ... )
    (1.0, 0.5, 0.0)
    """
    counts = completion.count("<reasoning>"), completion.count("</reasoning>")
    parts = reasoning_parts(completion)
    if counts != (1, 1) or parts is None:
        return 0.0
    return 1.0 if all(part.strip() for part in parts) else 0.5


def _literal(text: str) -> Sequence[Any] | None:
    """The list that a text is as JSON or as Python; None where it is none."""
    said = parse_json(text)
    if isinstance(said, dict):
        said = said.get("labels")
    if said is not NOT_JSON and isinstance(said, list):
        return said
    if text.startswith("[") and text.endswith("]") and len(text) <= _LONGEST:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
        return value if isinstance(value, list) else None
    return None


def _kept(entries: Sequence[str | None], labels: Collection[str], strict: bool) -> list[str]:
    kept = [entry for entry in entries if entry is not None and entry in labels]
    return [] if strict and len(kept) < len(entries) else kept
