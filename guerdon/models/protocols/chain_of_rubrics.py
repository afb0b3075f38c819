"""ChainOfRubrics: before comparing two answers, a judge says what kind of task it is and writes a rubric or a solution."""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.models.protocols.shown import Shown, shown_text
from guerdon.registry import register
from guerdon.text.replies import own_words, tagged_choice
from guerdon.text.tags import extract_tag

VERDICTS = {"A": 1.0, "B": 0.0}

_TASK = """You are a fair judge of two answers, A and B, to what a client asks. Go step by step.
1. Say what kind of task it is: <type>Reasoning</type> if there is a right result to be worked out (mathematics, code, logic, \
knowledge with several steps), else <type>Chat</type>.
2. Reasoning: work the task out yourself in <solution>...</solution>. Chat: write in <rubric>...</rubric> what a good answer to \
this task needs, each point with a weight in percent, and why these points and weights in an inner <justify>...</justify>.
3. Judge both answers by your solution or rubric in <eval>...</eval>. Point to what they say with <quote_A>...</quote_A> and \
<quote_B>...</quote_B>, or put it in your own words in <summary_A>...</summary_A> and <summary_B>...</summary_B>.
4. End with the better one, <answer>[[A]]</answer> or <answer>[[B]]</answer>.
The order of the answers, their length and their authors' names do not count."""
_PLAIN = """You are a fair judge of two answers, A and B, to what a client asks. Think about which is better. The order of the \
answers, their length and their authors' names do not count."""
_ENDING = (
    "Judge the two answers above. The last line of your reply must be <answer>[[A]]</answer> or <answer>[[B]]</answer>."
)


@register("protocol", "chain_of_rubrics")
@dataclass(frozen=True)
class ChainOfRubrics(Shown, PairwiseProtocol):
    """1 if the first answer is better, 0 if the second: solution first for reasoning tasks, rubric first for others.

    ``rubrics=False`` asks reasoning models, which work out a way of their own, for the verdict alone. A reply that does not end
    on ``<answer>[[A]]</answer>`` or B is undecided; there are no ties. Columns: those named by ``question``, ``reference`` and
    ``context``. The prompt is ours, of the parts the paper describes.

    Source: RM-R1 2025 (arXiv 2505.02387).

    >>> ChainOfRubrics().read(ChatReply("<type>Chat</type> ... <answer>[[A]]</answer>")).value
    1.0
    """

    rubrics: bool = True

    def ask(self, comparison: Comparison) -> ChatRequest:
        answers = [("ANSWER A", shown_text(comparison.first)), ("ANSWER B", shown_text(comparison.second))]
        background = self.background(comparison.prompt, comparison.context)
        return self.request(_TASK if self.rubrics else _PLAIN, background, answers, _ENDING)

    def read(self, reply: ChatReply) -> Verdict:
        said = tagged_choice(reply.text, "answer", VERDICTS) if reply.arrived else None
        return Verdict.unread(reply) if said is None else Verdict(VERDICTS[said], critique=reply.text)


@dataclass(frozen=True, slots=True)
class JudgeTrace:
    """The sections of a chain of rubrics; None for one that is not there."""

    kind: str | None
    rubric: str | None
    justification: str | None
    solution: str | None
    evaluation: str | None
    verdict: str | None


def read_trace(reply: str) -> JudgeTrace:
    """The sections of a judge's reply, its thought left out; the rubric without its justification.

    >>> read_trace(
    ...     "<type>Chat</type><rubric>tone <justify>why</justify></rubric><eval>fine</eval><answer>[[A]]</answer>"
    ... )
    JudgeTrace(kind='Chat', rubric='tone', justification='why', solution=None, evaluation='fine', verdict='A')
    """
    words = own_words(reply)
    kind, rubric, solution, evaluation = (extract_tag(words, tag) for tag in ("type", "rubric", "solution", "eval"))
    why = extract_tag(rubric or "", "justify")
    if rubric is not None and why is not None:
        head, _, rest = rubric.partition("<justify>")
        rubric = (head + rest.partition("</justify>")[2]).strip()
    return JudgeTrace(kind, rubric, why, solution, evaluation, tagged_choice(reply, "answer", VERDICTS))
