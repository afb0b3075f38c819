"""Nuggets: a judge says of each fact that a good answer holds whether the answer supports it, in part, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Verdict
from guerdon.models.protocols.itemised import HOW_TO_REPLY, chunks, item_lines, item_schema, item_verdicts
from guerdon.models.protocols.shown import ShownCompletions
from guerdon.registry import register
from guerdon.rubric import Criterion, rubric_of
from guerdon.scores import Outcome

LABELS = ("support", "partial_support", "not_support")

_TASK = """You say of each item, a fact, whether a passage states it. Use the passage alone, not what you know. If it \
contradicts the fact: not_support. If it states all that is essential to it: support. If it states some of it but misses or hedges \
the rest, or if a small safe inference is needed: partial_support. Otherwise: not_support."""


@register("protocol", "nuggets")
@dataclass(frozen=True)
class Nuggets(ShownCompletions):
    """sum w s / sum w over the row's nuggets, s = 1 for support, ``partial`` for partial_support, 0 for not_support; in [0, 1].

    Column ``nuggets``: a list of texts, or of records with ``text`` and ``weight``. At most ``chunk`` are asked about in one
    request. The answer may be cut into ``blocks`` of at most that many characters, at blank lines where there are such, each
    asked about by itself; a nugget then counts with its best label. Parts: ``supported``, ``partly`` and ``unsupported``, the
    shares of nuggets. Undecided where a nugget is open (not supported by any block that was judged, and a block was not), for
    the reason of the first; with ``missing_data`` where a row has no nuggets, or none of weight.

    Source: Search-Gen-V 2025 (arXiv 2510.14660); the prompt is ours.

    >>> said = ChatReply('{"1": {"why": "", "verdict": "support"}, "2": {"why": "", "verdict": "partial_support"}}')
    >>> Nuggets().read(Batch(["Paris"], nuggets=[["It is Paris.", "It is on the Seine."]]), [said])[0].value
    0.75
    """

    nuggets: str = "nuggets"
    partial: float = 0.5
    chunk: int = 10
    blocks: int | None = None

    subparts = ("supported", "partly", "unsupported")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.partial <= 1.0:
            raise UserError(f"partial={self.partial!r} must lie in [0, 1]")
        if self.chunk < 0 or (self.blocks is not None and self.blocks < 1):
            raise UserError(f"chunk={self.chunk!r} must not be negative and blocks={self.blocks!r} must be above 0")

    @property
    def own_columns(self) -> dict[str, str]:
        return super().own_columns | {
            self.nuggets: "the facts of a good answer: texts, or records with text and weight"
        }

    def _nuggets(self, batch: Batch) -> list[tuple[Criterion, ...]]:
        rubrics = [rubric_of(given, name=f"{self.nuggets}[{i}]") for i, given in enumerate(batch[self.nuggets])]
        return [() if rubric is None else rubric.criteria for rubric in rubrics]

    def _blocks(self, text: str) -> list[str]:
        return [text] if self.blocks is None else text_blocks(text, self.blocks)

    def ask(self, batch: Batch) -> list[ChatRequest]:
        requests = []
        rows = zip(self._nuggets(batch), self.backgrounds(batch), self.texts(batch), strict=True)
        for nuggets, background, text in rows:
            for part in chunks(len(nuggets), self.chunk):
                allowed = [LABELS] * len(part)
                items = ("ITEMS", item_lines([nuggets[k].text for k in part], allowed))
                shown, schema = [*background, items], item_schema(allowed)
                requests += [
                    self.request(_TASK, shown, [("PASSAGE", block)], HOW_TO_REPLY, schema=schema)
                    for block in self._blocks(text)
                ]
        return requests

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        left = iter(replies)
        verdicts = []
        for nuggets, text in zip(self._nuggets(batch), self.texts(batch), strict=True):
            labels: list[str | Outcome] = []
            said: list[ChatReply] = []
            for part in chunks(len(nuggets), self.chunk):
                own = [next(left) for _ in self._blocks(text)]
                said += own
                labels += map(best_label, zip(*(item_verdicts(one, [LABELS] * len(part)) for one in own), strict=True))
            verdicts.append(self._verdict(nuggets, labels, "\n\n".join(one.text or one.message for one in said)))
        return verdicts

    def _verdict(self, nuggets: Sequence[Criterion], labels: Sequence[str | Outcome], critique: str) -> Verdict:
        weight = sum(nugget.weight for nugget in nuggets)
        if weight <= 0 or any(nugget.weight < 0 for nugget in nuggets):
            return Verdict.undecided(Outcome.MISSING_DATA, f"no nuggets of positive weight in {self.nuggets}")
        failed = next((label for label in labels if isinstance(label, Outcome)), None)
        if failed is not None:
            return Verdict.undecided(failed, critique)
        worth = dict(zip(LABELS, (1.0, self.partial, 0.0), strict=True))
        value = sum(nugget.weight * worth[str(label)] for nugget, label in zip(nuggets, labels, strict=True)) / weight
        shares = {part: labels.count(label) / len(labels) for part, label in zip(self.subparts, LABELS, strict=True)}
        return Verdict(value, FrozenDict(shares), critique=critique)


def best_label(labels: Sequence[str | Outcome]) -> str | Outcome:
    """The best of a nugget's labels over the blocks of an answer: support > partial_support > not_support.

    Where a block has no label, only support is sure: otherwise the reason of the first such block.

    >>> best_label(["not_support", "partial_support"]), best_label(["not_support", Outcome.TIMED_OUT])
    ('partial_support', <Outcome.TIMED_OUT: 'timed_out'>)
    """
    failed = next((label for label in labels if isinstance(label, Outcome)), None)
    best = next((label for label in LABELS if label in labels), None)
    if best is None or (failed is not None and best != LABELS[0]):
        return Outcome.UNPARSEABLE if failed is None else failed
    return best


def text_blocks(text: str, size: int) -> list[str]:
    """``text`` in pieces of at most ``size`` characters, cut after a blank line where there is one, else after a line or a word.

    Joined, the pieces are the text. One empty piece for no text.

    >>> text_blocks("one two\\n\\nthree", 10)
    ['one two\\n\\n', 'three']
    """
    pieces, start = [], 0
    while len(text) - start > size:
        cut = next(
            (at + len(mark) for mark in ("\n\n", "\n", " ") if (at := text.rfind(mark, start, start + size)) >= start),
            0,
        )
        end = min(cut, start + size) if cut > start else start + size
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]
