"""KeyArguments: how many of the decisive arguments of a human critique a judge's critique makes, and how few others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Dialogue, Verdict
from guerdon.models.protocols.shown import ShownCompletions, shown_text
from guerdon.registry import register
from guerdon.scores import Outcome
from guerdon.shaping.critique_rewards import annotated, argument_f1
from guerdon.text.replies import final_json

_TASK = """You compare two critiques of the same two responses, A and B: one by a human expert, the reference, and one to be \
checked. List for yourself the key arguments of each: those that decide which response is better. Small remarks are none. If \
the reference names a fatal error, that error is its only key argument.
An argument of the checked critique matches one of the reference if it means the same and takes the same stand: about the same \
response, praise or blame alike. Each argument is matched once at most. A critique that says one point over and over, in whatever \
words, is repetitive."""
_COUNTS = """Count the key arguments of both critiques above. Reply with one JSON object: under "why" the matches in a few \
words; under "checked" and "reference" the numbers of key arguments, under "matched" how many match, under "repetitive" true or \
false."""
_NUMBERS = """Compare the critiques above. Reply with three numbers from 0 to 1: the share of checked arguments that match in \
<critique_precision>, the share of reference arguments that are matched in <critique_recall>, and their harmonic mean in \
<critique_f1>; all three 0 if the checked critique is repetitive. Close each tag."""
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "why": {"type": "string"},
        **{count: {"type": "integer", "minimum": 0} for count in ("checked", "reference", "matched")},
        "repetitive": {"type": "boolean"},
    },
    "required": ["why", "checked", "reference", "matched", "repetitive"],
    "additionalProperties": False,
}


@register("protocol", "key_arguments")
@dataclass(frozen=True)
class KeyArguments(ShownCompletions):
    """F1 in [0, 1] of the key arguments of a critique, read in ``of``, against those of a human critique of the same responses.

    The judge counts key arguments and matches; precision, recall and F1 are computed from its counts. A repetitive critique is
    worth 0. A reply that cannot be read, or whose counts cannot be, is asked for again, ``attempts`` times in all, then undecided.
    Parts: ``precision``, ``recall``. Columns: ``critique`` (text, or a mapping such as strengths_A -> text) and those named by
    ``question`` and ``context``. Undecided with ``missing_data`` without a critique; an empty completion is worth 0 and not judged.

    ``variant="official"`` asks for the three numbers themselves in ``<critique_f1>``, ``<critique_precision>`` and
    ``<critique_recall>``, and takes a judge that gives none in [0, 1] for 0.

    Source: RM-NLHF 2026 (arXiv 2601.07349); the prompt is ours.

    >>> batch = Batch(["<critics>B invents a case.</critics>"], human_critique=["B made a case up. A is dull."])
    >>> dialogue = KeyArguments().dialogues(batch)[0]
    >>> _ = next(dialogue)
    >>> try:
    ...     dialogue.send([ChatReply('{"checked": 1, "reference": 2, "matched": 1, "repetitive": false}')])
    ... except StopIteration as end:
    ...     print(round(end.value[0].value, 3), dict(end.value[0].parts))
    0.667 {'precision': 1.0, 'recall': 0.5}
    """

    critique: str = "human_critique"
    of: str = "<critics>"
    attempts: int = 3
    variant: Literal["default", "official"] = "default"

    subparts = ("precision", "recall")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attempts < 1:
            raise UserError(f"attempts={self.attempts!r} must be at least 1")
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    @property
    def own_columns(self) -> dict[str, str]:
        return {self.critique: "a human critique", **super().own_columns}

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        there = annotated(batch[self.critique])
        texts = self.texts(batch)
        return [self._dialogue(batch, i, texts[i], bool(there[i])) for i in range(len(batch))]

    def ask(self, batch: Batch) -> list[ChatRequest]:
        """The first request for each completion."""
        return [self._request(batch, i, text) for i, text in enumerate(self.texts(batch))]

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        """What each single reply says."""
        return [self.verdict(reply) for reply in replies]

    def verdict(self, reply: ChatReply) -> Verdict:
        """What one reply says."""
        found = None
        if reply.arrived:
            found = scored_arguments(reply.text) if self.variant == "official" else counted_arguments(reply.text)
        if found is None:
            return Verdict.unread(reply)
        parts = FrozenDict({"precision": found["precision"], "recall": found["recall"]})
        return Verdict(found["f1"], parts, critique=reply.text)

    def _dialogue(self, batch: Batch, row: int, text: str, there: bool) -> Dialogue:
        nothing = FrozenDict({"precision": 0.0, "recall": 0.0})
        if not there:
            return {row: Verdict.undecided(Outcome.MISSING_DATA, f"no critique in {self.critique}")}
        if not text.strip():
            return {row: Verdict(0.0, nothing, Outcome.EMPTY)}
        request = self._request(batch, row, text)
        for attempt in range(self.attempts):
            asked = request if not attempt else replace(request, temperature=max(self.temperature, 0.7), sample=attempt)
            (reply,) = yield [asked]
            verdict = self.verdict(reply)
            if verdict.value is not None or not reply.arrived:
                break
        if verdict.value is None and self.variant == "official":
            verdict = Verdict(0.0, nothing, critique=verdict.critique)
        return {row: verdict}

    def _request(self, batch: Batch, i: int, text: str) -> ChatRequest:
        prompt = batch.prompt_texts[i]
        shared = self.background(prompt, self.row(batch, i))
        critiques = [("REFERENCE CRITIQUE", _lines(batch[self.critique][i])), ("CHECKED CRITIQUE", text)]
        if self.variant == "official":
            return self.request(_TASK, shared, critiques, _NUMBERS)
        return self.request(_TASK, shared, critiques, _COUNTS, schema=_SCHEMA)


def counted_arguments(reply: str) -> dict[str, float] | None:
    """Precision, recall and F1 from the counts in the JSON a reply ends on; 0 where repetitive, None where they cannot be.

    >>> counted_arguments('{"checked": 3, "reference": 2, "matched": 2, "repetitive": false}')["f1"].__round__(2)
    0.8
    >>> counted_arguments('{"checked": 1, "reference": 2, "matched": 2, "repetitive": false}') is None
    True
    """
    said = final_json(reply) or {}
    counts = [said.get(name) for name in ("matched", "checked", "reference")]
    numbers = [count for count in counts if isinstance(count, int) and not isinstance(count, bool) and count >= 0]
    if len(numbers) < 3 or not isinstance(said.get("repetitive"), bool) or numbers[0] > min(numbers[1:]):
        return None
    return argument_f1(0 if said["repetitive"] else numbers[0], numbers[1], numbers[2])


def scored_arguments(reply: str) -> dict[str, float] | None:
    """The three numbers in a reply's tags, the first of each; None unless all are there and in [0, 1].

    Source: RM-NLHF 2026 (arXiv 2601.07349), released code, whose pattern knows no ".5" and no sign.

    >>> tags = "<critique_f1>0.8</critique_f1><critique_precision>1</critique_precision>"
    >>> scored_arguments(tags + "<critique_recall> 0.7 </critique_recall>")
    {'f1': 0.8, 'precision': 1.0, 'recall': 0.7}
    >>> scored_arguments(tags) is None
    True
    """
    found = {}
    for name in ("f1", "precision", "recall"):
        tag = f"critique_{name}"
        match = re.search(rf"<{tag}>\s{{0,20}}+(\d++\.?\d*+)\s{{0,20}}+</{tag}>", reply)
        if match is None or len(match[1]) > 40 or not 0.0 <= float(match[1]) <= 1.0:
            return None
        found[name] = float(match[1])
    return found


def _lines(critique: Any) -> str:
    if isinstance(critique, Mapping):
        return "\n".join(f"{name}: {shown_text(text)}" for name, text in critique.items() if annotated([text])[0])
    return shown_text(critique)
