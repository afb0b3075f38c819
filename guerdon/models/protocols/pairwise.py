"""Pairwise: a judge says which of two answers is better."""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.models.protocols.expected import expected_value
from guerdon.models.protocols.shown import Shown, shown_text
from guerdon.registry import register
from guerdon.text.replies import tagged_choice

_TASK = """You compare two answers to one question, A and B, and say which is better: which is more right, more complete \
and more helpful. The order they stand in, their length, confidence and polish do not count."""
_AGAINST = (
    " Where a reference answer is given, what contradicts it is wrong; other words for the same thing are as good."
)
_CRITIQUE = """Compare the two answers above. First say in a few sentences what is good and what is wrong with each. \
Then end your reply"""
_BARE = "Compare the two answers above. Reply"


@register("protocol", "pairwise")
@dataclass(frozen=True)
class Pairwise(Shown, PairwiseProtocol):
    """How much better the first of two answers is: 1 the first, 0 the second, 0.5 for a tie where ``equal`` allows one.

    ``graded`` asks for five degrees: 1 much better, 0.75 better, 0.5 equal, 0.25 worse, 0 much worse. With ``critique`` the
    judge says what is good and bad before the verdict; without, only a verdict may be said, and where the reply carries
    log-probabilities the value is the one expected under them. A reply that does not end on a verdict is undecided.

    Columns: those named by ``question``, ``reference`` and ``context``. The prompt is ours; ``instructions`` says what counts.

    >>> [Pairwise().read(ChatReply(f"Both answer it. <verdict>{v}</verdict>")).value for v in ("A", "B", "tie", "both")]
    [1.0, 0.0, 0.5, None]
    """

    critique: bool = True
    equal: bool = True
    graded: bool = False
    expected: bool = True

    @property
    def verdicts(self) -> dict[str, float]:
        """What may be said -> how much better the first is."""
        if self.graded:
            said = {"A much better": 1.0, "A better": 0.75, "tie": 0.5, "B better": 0.25, "B much better": 0.0}
        else:
            said = {"A": 1.0, "tie": 0.5, "B": 0.0}
        return said if self.equal else {word: value for word, value in said.items() if word != "tie"}

    def ask(self, comparison: Comparison) -> ChatRequest:
        words = [f"<verdict>{word}</verdict>" if self.critique else word for word in self.verdicts]
        ending = (
            f"{_CRITIQUE if self.critique else _BARE} with {', '.join(words[:-1])} or {words[-1]}, nothing after it."
        )
        answers = [("ANSWER A", shown_text(comparison.first)), ("ANSWER B", shown_text(comparison.second))]
        return self.request(
            _TASK + (_AGAINST if self.reference else ""),
            self.background(comparison.prompt, comparison.context),
            answers,
            ending,
            choices=() if self.critique else tuple(self.verdicts),
            top_logprobs=20 if self.expected and not self.critique and not self.graded else 0,
        )

    def read(self, reply: ChatReply) -> Verdict:
        said = tagged_choice(reply.text, "verdict", self.verdicts) if reply.arrived else None
        if said is None:
            return Verdict.unread(reply)
        expected = expected_value(reply, self.verdicts) if self.expected and not self.critique else None
        return Verdict(self.verdicts[said] if expected is None else expected, critique=reply.text)
