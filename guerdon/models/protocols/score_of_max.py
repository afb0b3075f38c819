"""ScoreOfMax: a judge writes its own principles for a turn and scores it as SCORE out of a maximum it chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guerdon.batch import Batch
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply
from guerdon.models.judge import Verdict
from guerdon.models.protocols.shown import fenced_request
from guerdon.models.protocols.steps import Asked, StepProtocol
from guerdon.registry import register
from guerdon.scores import Outcome
from guerdon.text.tags import tag_blocks
from guerdon.text.trajectory import Trajectory

_INSTRUCTION = """You review one turn of an agent that answers a question by thinking and searching. Judge this turn only; \
it need not hold the final answer. Write down the principles by which a turn like this should be judged here, such as: it takes \
the right facts from what was found, it asks the right thing, it searches when it must and stops when it can. Give points for \
each. A turn with text outside its think, search and answer tags gets 0. Reply with two lines: your analysis, then the sums of \
points as two whole numbers, <final_score>SCORE,MAX_SCORE</final_score>."""
_ENDING = "Judge the turn above: your analysis, then <final_score>SCORE,MAX_SCORE</final_score>."


@dataclass(frozen=True, slots=True)
class OfMax:
    """A score and the maximum it is out of."""

    score: int
    max_score: int


@dataclass(frozen=True, slots=True)
class ProcessScore:
    """What a judge's reply says: ``parsed`` where two whole numbers can be read, ``process_reward`` where they make a share."""

    parsed: OfMax | None = None
    valid: bool = False
    process_reward: float | None = None


def read_process_score(reply: str) -> ProcessScore:
    """The last ``<final_score>SCORE,MAX</final_score>`` of a reply; its process reward is SCORE / MAX.

    Whole numbers may carry whitespace, a sign and digit underscores. Valid with MAX > 0 and 0 <= SCORE <= MAX.

    Source: PPR 2025 (arXiv 2509.25598), released code.

    >>> read_process_score("Fine. <final_score>3, 4</final_score>").process_reward
    0.75
    >>> read_process_score("<final_score>7,6</final_score>")
    ProcessScore(parsed=OfMax(score=7, max_score=6), valid=False, process_reward=None)
    >>> read_process_score("<final_score>4/6</final_score>").parsed is None
    True
    """
    blocks = tag_blocks(reply, "final_score")
    numbers = blocks[-1].content.split(",") if blocks else []
    if len(numbers) != 2:
        return ProcessScore()
    try:
        parsed = OfMax(int(numbers[0]), int(numbers[1]))
    except ValueError:
        return ProcessScore()
    if parsed.max_score <= 0 or not 0 <= parsed.score <= parsed.max_score:
        return ProcessScore(parsed)
    return ProcessScore(parsed, True, parsed.score / parsed.max_score)


@register("protocol", "score_of_max")
@dataclass(frozen=True)
class ScoreOfMax(StepProtocol):
    """Every turn but the last, judged by principles the judge writes for it: the share of the points it could get.

    Value in [0, 1]; part ``max_score``, which tells of a judge that inflates easy principles. Column ``question`` (None: the
    prompt). A reply without a readable share is undecided (``unparseable``). The prompt is ours.

    Source: PPR 2025 (arXiv 2509.25598).

    >>> from guerdon.models.chat import ChatRequest
    >>> asked = Asked(ChatRequest(()))
    >>> ScoreOfMax().read(asked, ChatReply("<final_score>1,2</final_score>")).value
    0.5
    """

    question: str | None = "question"

    subparts = ("max_score",)

    @property
    def own_columns(self) -> dict[str, str]:
        return {self.question: "the question the agent answers"} if self.question else {}

    def ask(self, batch: Batch, trajectories: Sequence[Trajectory]) -> list[list[Asked | None]]:
        questions = batch.prompt_texts if self.question is None else [str(value) for value in batch[self.question]]
        return [
            [*(self._request(question, trace, span) for span in self.steps(trace)[:-1]), None]
            for question, trace in zip(questions, trajectories, strict=True)
        ]

    def _request(self, question: str, trace: Trajectory, span: tuple[int, int]) -> Asked:
        before, turn = trace.text[: span[0]].strip(), trace.text[span[0] : span[1]]
        blocks = {"QUESTION": question, "SO FAR": before or "(nothing)", "TURN TO JUDGE": turn}
        return Asked(fenced_request(_INSTRUCTION, blocks, _ENDING))

    def read(self, asked: Asked, reply: ChatReply) -> Verdict:
        if not reply.arrived:
            return Verdict.undecided(reply.outcome, reply.message)
        said = read_process_score(reply.text)
        if said.parsed is None or said.process_reward is None:
            return Verdict.undecided(Outcome.UNPARSEABLE, reply.text)
        parts = FrozenDict({"max_score": float(said.parsed.max_score)})
        return Verdict(said.process_reward, parts, critique=reply.text)
