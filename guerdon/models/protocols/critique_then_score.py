"""CritiqueThenScore: a judge writes a critique first, and is then asked for a number that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply as ChatReply
from guerdon.models.chat import ChatRequest
from guerdon.models.judge import Dialogue, JudgeProtocol, Verdict
from guerdon.models.protocols.rating import Rating
from guerdon.registry import register
from guerdon.text.replies import own_words

_CRITIQUE = """Write a critique of the answer above: what is right and helpful in it, what is wrong, missing or misleading, \
and how much each matters. Give no number yet."""
_SCORE = """Now give the number from {low} to {high} that follows from your critique. Reply with the number alone."""


@register("protocol", "critique_then_score")
@dataclass(frozen=True)
class CritiqueThenScore(JudgeProtocol):
    """The number of a :class:`~guerdon.models.protocols.rating.Rating`, asked for in a second turn after a critique.

    Two calls a sample. Since the second reply is the number alone, servers can enforce it and its log-probabilities can be read,
    which a critique and a number in one reply do not allow. Undecided where either turn is. Columns and range: the rating's. The
    verdict's critique is the first reply.

    >>> dialogue = CritiqueThenScore().dialogues(Batch(["It is 4."], ["2+2?"]))[0]
    >>> first = next(dialogue)
    >>> second = dialogue.send([ChatReply("It is right.")])[0]
    >>> second.messages[-2]["content"], second.choices
    ('It is right.', ('1', '2', '3', '4', '5'))
    """

    rating: Rating = field(default_factory=Rating)

    def __post_init__(self) -> None:
        if self.rating.critique:
            raise UserError("rating=Rating(critique=True) asks for a critique itself; give a rating without")

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value."""
        return self.rating.bounds

    @property
    def own_columns(self) -> dict[str, str]:
        return self.rating.own_columns

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        return [self._dialogue(i, request) for i, request in enumerate(self.rating.asked(batch, _CRITIQUE))]

    def _dialogue(self, row: int, request: ChatRequest) -> Dialogue:
        (critique,) = yield [request]
        words = own_words(critique.text)
        if not critique.arrived or not words:
            return {row: Verdict.unread(critique)}
        ending = _SCORE.format(low=self.rating.low, high=self.rating.high)
        turns = ({"role": "assistant", "content": words}, {"role": "user", "content": ending})
        (reply,) = yield [
            replace(
                request,
                messages=(*request.messages, *turns),
                choices=tuple(self.rating.scale),
                top_logprobs=self.rating.alternatives,
            )
        ]
        verdict = self.rating.verdict(reply)
        return {row: verdict if verdict.value is None else replace(verdict, critique=words)}
