"""LevelComparison: a judge says on which level one text stands beside another, from much worse to much better."""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.models.protocols.shown import Shown, shown_text
from guerdon.registry import register
from guerdon.text.level import last_level
from guerdon.text.replies import own_words

_TASK = """You compare two {what}s made from one source, A and B. Judge what matters for a {what}: whether it says what the source \
says, all of it and nothing else, and whether it reads well in its own right. The order they stand in and their length do not \
count."""
_ENDING = """Say in two or three sentences what is better and what is worse in A than in B. Then end your reply with the level on \
which A stands beside B, one number alone on the last line: {low} much worse, {high} much better, {middle:g} equal."""


@register("protocol", "level_comparison")
@dataclass(frozen=True)
class LevelComparison(Shown, PairwiseProtocol):
    """How much better the first of two texts is, from a level ``low`` to ``high``: (level - low) / (high - low).

    The level is the last number of the reply, decimals included; a reply whose last number is off the scale is undecided.
    ``what`` names the kind of text, ``instructions`` says what counts; the source is the prompt, or the column ``question``.

    Source: ExTrans 2025 (arXiv 2505.12996), 1 to 5 against an exemplar; the prompt is ours.

    >>> [LevelComparison().read(ChatReply(said)).value for said in ("Closer in tone.\\n4", "[[3]]", "9 of 9")]
    [0.75, 0.5, None]
    """

    low: int = 1
    high: int = 5
    what: str = "translation"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise UserError(f"low={self.low} must be below high={self.high}")

    def ask(self, comparison: Comparison) -> ChatRequest:
        shared = [(label.replace("QUESTION", "SOURCE"), text) for label, text in self._shared(comparison)]
        judged = [(f"{self.what} A", shown_text(comparison.first)), (f"{self.what} B", shown_text(comparison.second))]
        ending = _ENDING.format(low=self.low, high=self.high, middle=(self.low + self.high) / 2)
        return self.request(_TASK.format(what=self.what), shared, judged, ending)

    def _shared(self, comparison: Comparison) -> list[tuple[str, str]]:
        return self.background(comparison.prompt, comparison.context)

    def read(self, reply: ChatReply) -> Verdict:
        words = own_words(reply.text) if reply.arrived else ""
        level = last_level(words, low=self.low, high=self.high)
        if level is None:
            return Verdict.unread(reply)
        return Verdict((level - self.low) / (self.high - self.low), critique=reply.text)
