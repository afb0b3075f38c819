"""TrueFalse: a judge says whether an answer agrees with any of the accepted ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import JudgeProtocol, Verdict
from guerdon.models.protocols.shown import fenced_request
from guerdon.models.protocols.trajectories import agent_trajectories
from guerdon.registry import register
from guerdon.scores import Outcome
from guerdon.text.headed_steps import headed_steps

Variant = Literal["default", "official"]

_INSTRUCTION = """You check an answer to a question against the accepted answers. It is true if it states any one of them, in \
whatever words, and nothing that contradicts it; it is false if it is wrong, says something else, or says that it does not know. \
Reply with your analysis, then the line "Final answer: True" or the line \
"Final answer: False"."""

_ENDING = 'Check the answer above, ending with the line "Final answer: True" or "Final answer: False".'

_MARKUP = " \t*_#>`-"
_WORDS = {"true": True, "false": False}


def read_truth(reply: str | None, *, variant: Variant = "default") -> bool | None:
    """What a reply's last line ``Final answer: True`` or ``False`` says; None where there is no such line, or no reply.

    Markup, case and a final dot do not matter; another word is None. ``variant="official"``: the line must begin exactly so, and
    all but "true" in any case is False, also a missing line or reply.

    Source: R3-RAG 2025 (arXiv 2505.23794), released code.

    >>> read_truth("So it is.\\n**Final answer:** True."), read_truth("It is true"), read_truth(None)
    (True, None, None)
    >>> read_truth("Final answer: True.", variant="official"), read_truth("Final answer: TRUE", variant="official")
    (False, True)
    """
    said: str | None = None
    for line in (reply or "").strip().split("\n"):
        if variant == "official":
            if line.startswith("Final answer:"):
                said = line.replace("Final answer:", "").strip().lower()
        elif match := re.match(r"final answer[*_ ]*:", line.strip(_MARKUP), re.IGNORECASE):
            said = line.strip(_MARKUP)[match.end() :].strip(_MARKUP + ".\r").lower()
    return said == "true" if variant == "official" else _WORDS.get(said or "")


@register("protocol", "true_false")
@dataclass(frozen=True)
class TrueFalse(JudgeProtocol):
    """Whether the final answer under R3-RAG's headings agrees with any accepted one: 1 or 0.

    Columns ``question`` (None: the prompt), ``golden_answers`` and, where named, ``environment``. A reply that says neither is
    undecided (``unparseable``); ``variant="official"`` takes that, and a judge out of reach, for false. The prompt is ours.

    Source: R3-RAG 2025 (arXiv 2505.23794).

    >>> TrueFalse().read(Batch(["x"]), [ChatReply("Final answer: True")])[0].value
    1.0
    """

    question: str | None = "question"
    golden_answers: str = "golden_answers"
    environment: str | None = None
    variant: Variant = "default"

    def __post_init__(self) -> None:
        if self.variant not in ("default", "official"):
            raise UserError(f"variant={self.variant!r} is unknown; choose 'default' or 'official'")

    @property
    def own_columns(self) -> dict[str, str]:
        named = {self.question: "the question", self.environment: "inserted spans (start, end)"}
        return {self.golden_answers: "the accepted answers"} | {name: what for name, what in named.items() if name}

    def ask(self, batch: Batch) -> list[ChatRequest]:
        questions = batch.prompt_texts if self.question is None else [str(value) for value in batch[self.question]]
        requests = []
        for question, accepted, trace in zip(
            questions, batch[self.golden_answers], agent_trajectories(batch, self.environment), strict=True
        ):
            answer = headed_steps(trace, variant=self.variant)[-1].answer
            listed = [accepted] if isinstance(accepted, str) else list(accepted or ())
            golds = "\n".join(f"- {one}" for one in listed)
            blocks = {"QUESTION": question, "ACCEPTED ANSWERS": golds, "ANSWER TO CHECK": answer}
            requests.append(fenced_request(_INSTRUCTION, blocks, _ENDING))
        return requests

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        return [self._verdict(reply) for reply in replies]

    def _verdict(self, reply: ChatReply) -> Verdict:
        truth = read_truth(reply.text if reply.arrived else None, variant=self.variant)
        if truth is not None:
            return Verdict(float(truth), critique=reply.text)
        if not reply.arrived:
            return Verdict.undecided(reply.outcome, reply.message)
        return Verdict.undecided(Outcome.UNPARSEABLE, reply.text)
