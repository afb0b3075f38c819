"""AnswerCheck: a judge says what a response gives as its answer, and whether that is the accepted one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Dialogue, Verdict
from guerdon.models.protocols.correctness import read_correct_line
from guerdon.models.protocols.shown import ShownCompletions, shown_text
from guerdon.registry import register
from guerdon.scores import Outcome
from guerdon.text.replies import own_words

_TASK = """You check whether a response answers a question as the accepted answer does. Take from the response the one answer it \
settles on, and compare that with the accepted answer and nothing else: do not solve the question yourself. Other words for \
the same thing, and small differences in rounding, are right; an answer that names several things to choose from, or none, is \
not."""
_ENDING = """Reply in these three lines:
extracted_final_answer: <the answer the response settles on, or None>
reasoning: <where it agrees with the accepted answer and where it differs>
correct: <yes or no>"""


@register("protocol", "answer_check")
@dataclass(frozen=True)
class AnswerCheck(ShownCompletions):
    """Whether the answer a response settles on is an accepted one: 1 or 0, as the judge's line ``correct:`` says.

    Asked up to ``attempts`` times, until verdict and extracted answer can both be read; else the last verdict that could be
    counts. A response that says nothing outside its thought is 0 and not judged. Columns: ``answers`` (text or list) and those of
    :class:`~guerdon.models.protocols.shown.Shown`; ``missing_data`` without one. ``variant="official"`` reads the first
    ``correct:`` anywhere, so that one quoted from the response decides, and takes a judge that never decides for 0.

    Source: LongTraceRL 2026 (arXiv 2605.31584); the prompt is ours.

    >>> dialogue = AnswerCheck().dialogues(Batch(["In Paris."], ["Where?"], answer=["Paris"]))[0]
    >>> _ = next(dialogue)
    >>> try:
    ...     dialogue.send([ChatReply("extracted_final_answer: Paris\\nreasoning: the same\\ncorrect: yes")])
    ... except StopIteration as end:
    ...     print(end.value[0].value)
    1.0
    """

    answers: str = "answer"
    attempts: int = 3
    retry_temperature: float = 0.7
    variant: Literal["default", "official"] = "default"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attempts < 1:
            raise UserError(f"attempts={self.attempts!r} must be at least 1")
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    @property
    def own_columns(self) -> dict[str, str]:
        return {**super().own_columns, self.answers: "the accepted answer, or a list of them"}

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        rows = zip(self.backgrounds(batch), self.texts(batch), batch[self.answers], strict=True)
        return [self._dialogue(i, shared, text, shown_text(gold)) for i, (shared, text, gold) in enumerate(rows)]

    def _dialogue(self, row: int, shared: list[tuple[str, str]], text: str, gold: str) -> Dialogue:
        if not gold.strip():
            return {row: Verdict.undecided(Outcome.MISSING_DATA, f"no answer in {self.answers}")}
        if not text.strip():
            return {row: Verdict(0.0, critique="the response says nothing")}
        asked = self.request(_TASK, [*shared, ("ACCEPTED ANSWER", gold)], [("RESPONSE", text)], _ENDING)
        said: Verdict | None = None
        reply = ChatReply()
        for attempt in range(self.attempts):
            again = {"temperature": self.retry_temperature, "sample": attempt} if attempt else {}
            request: ChatRequest = replace(asked, **again)  # type: ignore[arg-type]
            (reply,) = yield [request]
            if not reply.arrived:
                continue
            words = reply.text if self.variant == "official" else own_words(reply.text)
            read = read_correct_line(words, variant=self.variant)
            if read.correct is not None:
                said = Verdict(float(read.correct), critique=reply.text)
                if read.answered:
                    break
        if said is None:
            said = Verdict(0.0, critique="no verdict") if self.variant == "official" else Verdict.unread(reply)
        return {row: said}
