"""SearchTurn: a judge grades the thought, or the action, of one turn of a search agent as good, middling or bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Dialogue, Verdict
from guerdon.models.protocols.shown import ShownCompletions, shown_text
from guerdon.registry import register
from guerdon.scores import Outcome
from guerdon.text.replies import tagged_choice
from guerdon.text.search_steps import SearchAction, loose_score, search_action

Aspect = Literal["thought", "action"]

_GRADES = {"-1": -1.0, "0": 0.0, "1": 1.0, "+1": 1.0}
_ROLE = "You grade one turn of an agent that answers a question by searching. Grade {what} only. {levels}"
_THOUGHT = """1: it is about the question, clear and specific, builds on what was found and moves towards the answer. 0: on \
topic, but vague, generic or without progress. -1: beside the point, misleading, a mere repetition, or claiming what was not \
found."""
_QUERY = """The search has not been made yet. 1: the query asks for one specific thing that is needed and was not asked before, \
fits the thought, and is worded so that a search engine can find it. 0: related, but broad, vague or badly worded. -1: beside the \
point, asked before, or a single generic word."""
_ANSWER = """1: the answer says the same as an accepted answer, in whatever words. 0: part of it, or it together with something \
doubtful. -1: wrong, empty, or several answers to choose from."""
_ENDING = """Explain the grade of {what} in one or two sentences between <explanation> tags, then end your reply with the grade \
between <score> tags: <score>1</score>, <score>0</score> or <score>-1</score>."""


@register("protocol", "search_turn")
@dataclass(frozen=True)
class SearchTurn(ShownCompletions):
    """The grade -1, 0 or 1 of a turn's thought, or of its action: of a query before it is searched, of an answer beside the gold.

    A completion is one turn, a thought and a search or an answer. Without a thought, or without an action that can be read, the
    grade is -1 and nobody is asked. Columns: the question (``question``, or the prompt), ``so_far``, what went before (None: not
    shown), and ``golden_answers`` for actions. Undecided with ``missing_data`` for an answer without a gold one, ``unparseable``
    for a reply that does not end on a grade. ``variant="official"``: the first number that can be found, unclipped, 0 without one
    and for a judge out of reach.

    Source: SLATE 2026 (arXiv 2602.23440); the prompts are ours.

    >>> batch = Batch(["<think>Who?</think><search>leader of Alba</search>"], so_far=[""], golden_answers=["Ann"])
    >>> dialogue = SearchTurn(aspect="action").dialogues(batch)[0]
    >>> asked = next(dialogue)
    >>> try:
    ...     dialogue.send([ChatReply("<explanation>Specific.</explanation><score>1</score>")])
    ... except StopIteration as end:
    ...     print(end.value[0].value)
    1.0
    """

    aspect: Aspect = "thought"
    so_far: str | None = "so_far"
    golden_answers: str = "golden_answers"
    variant: Literal["default", "official"] = "default"
    of: str = "whole"

    bounds = (-1.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.aspect not in ("thought", "action"):
            raise UserError(f"aspect={self.aspect!r} is unknown; choose 'thought' or 'action'")
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    @property
    def own_columns(self) -> dict[str, str]:
        own = {self.so_far: "what went before the turn"} if self.so_far else {}
        gold = {self.golden_answers: "the accepted answers"} if self.aspect == "action" else {}
        return super().own_columns | own | gold

    def dialogues(self, batch: Batch) -> list[Dialogue]:
        rows = zip(self.backgrounds(batch), self.texts(batch), strict=True)
        return [
            self._dialogue(i, self._question(shared, search_action(text), self.row(batch, i)))
            for i, (shared, text) in enumerate(rows)
        ]

    def _dialogue(self, row: int, question: ChatRequest | Verdict) -> Dialogue:
        if isinstance(question, Verdict):
            return {row: question}
        replies: Sequence[ChatReply] = yield [question]
        return {row: self.verdict(replies[0])}

    def _question(
        self, shared: list[tuple[str, str]], turn: SearchAction, row: dict[str, object]
    ) -> ChatRequest | Verdict:
        """What is asked about a turn, or the verdict where nothing need be."""
        before = "" if self.so_far is None else shown_text(row.get(self.so_far))
        blocks = [*shared, *([("SO FAR", before)] if before.strip() else [])]
        if self.aspect == "thought":
            if not turn.thinking:
                return Verdict(-1.0, critique="no thought")
            return self._grade("the thought", _THOUGHT, blocks, [("THOUGHT", turn.thinking)])
        if not turn.kind or not turn.content:
            return Verdict(-1.0, critique="no search and no answer")
        thought = [("THOUGHT", turn.thinking)] if turn.thinking else []
        if turn.kind == "search":
            return self._grade("the query", _QUERY, blocks, [*thought, ("QUERY", turn.content)])
        gold = shown_text(row.get(self.golden_answers))
        if not gold.strip():
            return Verdict.undecided(Outcome.MISSING_DATA, f"no answer in {self.golden_answers}")
        return self._grade("the answer", _ANSWER, [*blocks, ("ACCEPTED ANSWERS", gold)], [("ANSWER", turn.content)])

    def _grade(
        self, what: str, levels: str, shared: list[tuple[str, str]], judged: list[tuple[str, str]]
    ) -> ChatRequest:
        return self.request(_ROLE.format(what=what, levels=levels), shared, judged, _ENDING.format(what=what))

    def verdict(self, reply: ChatReply) -> Verdict:
        """The verdict of one reply."""
        if self.variant == "official":
            return Verdict(loose_score(reply.text) if reply.arrived else 0.0, critique=reply.text or reply.message)
        said = tagged_choice(reply.text, "score", _GRADES) if reply.arrived else None
        return Verdict.unread(reply) if said is None else Verdict(_GRADES[said], critique=reply.text)
