"""Steps written under literal headings: an analysis, then a retrieval query or a final answer (R3-RAG, arXiv 2505.23794)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from guerdon.text.search_trace import policy_steps
from guerdon.text.trajectory import Trajectory

ANALYSIS, QUERY, ANSWER = "The problem analysis:", "The retrieval query:", "The final answer:"
DOCUMENTS = "The retrieval documents:"
HEADINGS = (ANALYSIS, QUERY, ANSWER, DOCUMENTS)

Variant = Literal["default", "official"]
Kind = Literal["search", "answer", "malformed"]

_STOPS = (*HEADINGS, "###")
_HEADER = re.compile(r"^[ \t]*Step (\d+):[ \t]*$", re.MULTILINE)
_OFFICIAL_HEADER = re.compile(r"Step (\d+):\n")
_NEW_STEP = re.compile(r"\n[ \t]*Step \d")


@dataclass(frozen=True, slots=True)
class HeadedStep:
    """One generated step: its character span, its fields, and the documents it was given. Malformed: neither query nor answer."""

    start: int
    end: int
    analysis: str = ""
    query: str = ""
    answer: str = ""
    documents: str = ""

    @property
    def kind(self) -> Kind:
        """What the step does."""
        return "answer" if self.answer else "search" if self.query else "malformed"


def read_step(text: str, *, variant: Variant = "default") -> dict[str, str | None]:
    """The fields of a step: ``analysis``, and ``query`` or ``answer``, whichever comes first after it.

    A field ends at the next heading, at ``###``, at a new step, and a query at a question mark too. Without an analysis, or
    neither query nor answer after it, there is ``{"analysis": None}`` alone. ``variant="official"`` strips backslashes and the
    letter n from both ends of every field, as the released code does by mistake, ends only query and answer at a new step
    ("\\nStep" also where it begins a word), and keeps what else it found beside an empty field.

    Raises:
        ValueError: an unknown ``variant``.

    >>> read_step("Step 1:\\nThe problem analysis: when?\\nThe retrieval query: date of Boston? Now")
    {'analysis': 'when?', 'query': 'date of Boston'}
    >>> read_step("The problem analysis: a\\nThe final answer: Boston", variant="official")
    {'analysis': 'a', 'answer': 'Bosto'}
    >>> read_step("The final answer: Boston")
    {'analysis': None}
    """
    if variant not in ("default", "official"):
        raise ValueError(f"variant={variant!r} is unknown; choose 'default' or 'official'")
    start = text.find(ANALYSIS)
    after = start + len(ANALYSIS)
    found = {
        at: name for name, heading in (("query", QUERY), ("answer", ANSWER)) if (at := text.find(heading, after)) >= 0
    }
    if start < 0 or not found:
        return {"analysis": None}
    first = min(found)
    name = found[first]
    analysis = _field(text, after, _STOPS, variant, new_step=variant == "default")
    stops = (*_STOPS, "?") if name == "query" else _STOPS
    said = _field(text, first + len(QUERY if name == "query" else ANSWER), stops, variant, new_step=True)
    if variant == "default" and not (analysis and said):
        return {"analysis": None}
    return {"analysis": analysis, name: said}


def _field(text: str, start: int, stops: tuple[str, ...], variant: Variant, *, new_step: bool) -> str | None:
    ends = [at for stop in stops if (at := text.find(stop, start)) >= 0]
    if new_step and variant == "official":
        ends += [at for at in [text.find("\nStep", start)] if at >= 0]
    elif new_step:
        ends += [mark.start() for mark in [_NEW_STEP.search(text, start)] if mark]
    end = min(ends, default=len(text))
    if end <= start:
        return None
    said = text[start:end].strip()
    return said.strip("\\n").strip("#") if variant == "official" else said


def headed_steps(trajectory: Trajectory, *, variant: Variant = "default") -> list[HeadedStep]:
    """The steps of a trajectory up to the first that answers or is malformed; at least one.

    A step is what the policy wrote between two turns of the environment. It is well formed with the header ``Step k:`` on a line
    of its own, once and with its number k, no other step's header, and the fields of :func:`read_step`. Its documents are what the
    environment said next. ``variant="official"`` cuts the whole text at ``Step k:`` instead and takes documents from anyone.

    >>> from guerdon.text.trajectory import parse_trajectory
    >>> asked = {"role": "assistant", "content": "Step 1:\\nThe problem analysis: a\\nThe retrieval query: b"}
    >>> steps = headed_steps(parse_trajectory([asked, {"role": "tool", "content": "The retrieval documents: c"}]))
    >>> [(step.kind, step.query, step.documents) for step in steps]
    [('search', 'b', 'c')]
    """
    steps: list[HeadedStep] = []
    pieces = _official_pieces(trajectory.text) if variant == "official" else _pieces(trajectory)
    headers = Counter(_OFFICIAL_HEADER.findall(trajectory.text)) if variant == "official" else None
    for number, (start, end, documents) in enumerate(pieces, start=1):
        text = trajectory.text[start:end]
        fields = read_step(text, variant=variant) if _headed(text, str(number), headers) else {}
        query, answer = fields.get("query") or "", fields.get("answer") or ""
        analysis = fields.get("analysis") or ""
        if not analysis:
            query = answer = ""
        steps.append(HeadedStep(start, end, analysis, query, answer, documents))
        if steps[-1].kind != "search":
            break
    return steps


def _headed(text: str, number: str, headers: Counter[str] | None) -> bool:
    if headers is not None:
        return headers[number] == 1
    return [mark[1] for mark in _HEADER.finditer(text)] == [number]


def _pieces(trajectory: Trajectory) -> list[tuple[int, int, str]]:
    """(start, end, documents) of what the policy wrote between the turns of others."""
    spans = policy_steps(trajectory)
    found = [turn for turn in trajectory if not turn.by_policy]
    limits = [start for start, _ in spans[1:]] + [len(trajectory.text) + 1]
    pieces, k = [], 0
    for (start, end), limit in zip(spans, limits, strict=True):
        texts = []
        while k < len(found) and found[k].start < limit:
            if found[k].start >= end:
                texts.append(found[k].text.removeprefix(DOCUMENTS).strip())
            k += 1
        pieces.append((start, end, "\n".join(texts)))
    return pieces


def _official_pieces(text: str) -> list[tuple[int, int, str]]:
    starts: list[int] = []
    while (at := text.find(f"Step {len(starts) + 1}:\n", starts[-1] + 1 if starts else 0)) >= 0:
        starts.append(at)
    starts = starts or [0]
    ends = [*starts[1:], len(text)]
    return [
        (start, end, text[start:end].partition(DOCUMENTS)[2].strip()) for start, end in zip(starts, ends, strict=True)
    ]
