"""Rating: a judge gives each completion a number on a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Verdict
from guerdon.models.protocols.expected import expected_value
from guerdon.models.protocols.shown import ShownCompletions
from guerdon.registry import register
from guerdon.text.replies import tagged_choice

_TASK = """You rate an answer to a question on a scale of whole numbers from {low}, useless, to {high}, as good as can be. Rate \
what it says, how right, complete and helpful it is, not its length, confidence or polish."""
_AGAINST = (
    " Where a reference answer is given, what contradicts it is wrong; other words for the same thing are as good."
)
BARE = "Rate the answer above. Reply with the number alone."
_CRITIQUE = """Rate the answer above. First say in a few sentences what is good and what is wrong with it, then end your \
reply with the number alone between tags, such as <rating>{low}</rating>."""


@register("protocol", "rating")
@dataclass(frozen=True)
class Rating(ShownCompletions):
    """A whole number from ``low`` to ``high`` for each completion, by itself.

    With ``critique`` the judge says what is good and bad before the number. Where the reply carries log-probabilities, and
    ``expected`` is on, the value is the number expected under them (:func:`~guerdon.models.protocols.expected.expected_value`),
    else the number said. A reply that does not end on a number of the scale is undecided (``unparseable``), never clipped.

    Columns: those named by ``question``, ``reference`` and ``context``. The prompt is ours; ``instructions`` says what counts.

    >>> batch = Batch(["It is 4."], ["2+2?"])
    >>> [Rating().read(batch, [ChatReply(said)])[0].value for said in ("5", "5/5", "Good. <rating>4</rating>", "90")]
    [5.0, None, 4.0, None]
    """

    low: int = 1
    high: int = 5
    critique: bool = False
    expected: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high or self.high - self.low > 100:
            raise UserError(f"low={self.low!r}, high={self.high!r} must be a scale of 2 to 101 whole numbers")

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return float(self.low), float(self.high)

    @property
    def scale(self) -> dict[str, float]:
        """What may be said -> the number it means."""
        return {str(number): float(number) for number in range(self.low, self.high + 1)}

    def ask(self, batch: Batch) -> list[ChatRequest]:
        if self.critique:
            return self.asked(batch, _CRITIQUE.format(low=self.low), top_logprobs=self.alternatives)
        return self.asked(batch, BARE, choices=tuple(self.scale), top_logprobs=self.alternatives)

    @property
    def alternatives(self) -> int:
        """How many alternatives per token are asked for."""
        return 20 if self.expected else 0

    def asked(self, batch: Batch, ending: str, **options: Any) -> list[ChatRequest]:
        """A request for each completion that ends with these words."""
        task = _TASK.format(low=self.low, high=self.high) + (_AGAINST if self.reference else "")
        return [
            self.request(task, shared, [("ANSWER", text)], ending, **options)
            for shared, text in zip(self.backgrounds(batch), self.texts(batch), strict=True)
        ]

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        return [self.verdict(reply) for reply in replies]

    def verdict(self, reply: ChatReply) -> Verdict:
        """The verdict of one reply."""
        said = tagged_choice(reply.text, "rating", self.scale) if reply.arrived else None
        if said is None:
            return Verdict.unread(reply)
        expected = expected_value(reply, self.scale) if self.expected else None
        return Verdict(self.scale[said] if expected is None else expected, critique=reply.text)
