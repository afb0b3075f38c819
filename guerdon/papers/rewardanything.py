"""RewardAnything: a judge that scores a list of responses by a principle given in words, and the reward that trains one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Verdict
from guerdon.models.protocols.listwise import Asks, Listwise
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.registry import register
from guerdon.reward import Reward
from guerdon.rewards import Judged, ListVerdict
from guerdon.text.score_lists import numbers_of, read_score_list

PAPER = Paper(
    slug="rewardanything",
    title="RewardAnything: Generalizable Principle-Following Reward Models",
    year=2025,
    arxiv="2506.03637",
    kind="reward",
    parts={
        "weighted concordance and graded format": RELEASED,
        "their weights, coverage in the accuracy": OURS,
        "consistency of ranking and scores": OURS,
        "tolerant reading, masked names": RELEASED,
        "another order for every list": OURS,
        "prompt": OURS,
    },
    columns=("gold",),
    range=(0.0, 1.0),
    variants=("default", "official", "policy"),
)

_TASK = """You score several responses to one prompt by a principle, which says what is wanted this time. It stands in the \
block called PRINCIPLE, the only block that says how to score; the principle goes before any general idea of quality, but \
never endorse what does harm. The responses' names, order and length do not count unless the principle says so.
5: does all that the principle asks; 4: does so with small faults; 3: in part; 2: hardly; 1: not at all, or does harm. Use the \
whole scale, and tell apart what can be told apart."""
_ENDING = """Score the {n} responses above, called {names}, from {low} to {high} by the principle. Think briefly first, in \
<think>...</think>. Then reply with one JSON object only: under "scores" an object with a number for each name, under \
"best-to-worst" the list of all names, best first."""


def build(
    variant: str = "default",
    *,
    gold: str = "gold",
    accuracy_weight: float = 0.8,
    chat: Any = None,
    principle: str = "",
    **listwise: Any,
) -> Reward:
    """How well a judge's scores order a list as the gold scores do, and the form of its reply: what such a judge is trained with.

    ``"official"`` keeps what is wrong with the released reward: a judge that names a single response has full accuracy.
    ``"policy"`` is the way back: the trained judge scores all rollouts of a prompt in one call by a ``principle``, so that other
    words drive a policy elsewhere; values lie in [0, 1], group-normalise them.

    Args:
        gold: column with the gold scores by name, or their JSON.
        accuracy_weight: of the concordance; the rest is the form's.
        chat: the judge, for ``"policy"``.
        principle: what is wanted, the same for all samples; ``listwise["context"] = {column: "principle"}`` takes it from a column.
        listwise: further fields of :class:`PrincipledList`, such as ``orders``.

    Raises:
        UserError: ``"policy"`` without a judge, or options of a judge without ``"policy"``.
    """
    if variant == "policy":
        if chat is None:
            raise UserError("chat is missing: the variant 'policy' asks the trained judge; name a chat model")
        return Judged(chat, PrincipledList(principle=principle, **listwise))
    if listwise or principle:
        raise UserError(f"{sorted(listwise) or 'principle'} belong to the judge of a policy; say variant='policy'")
    return ListVerdict("official" if variant == "official" else "default", gold=gold, accuracy_weight=accuracy_weight)


@register("protocol", "principled_list")
@dataclass(frozen=True)
class PrincipledList(Listwise):
    """A value in [0, 1] for every completion of a group, all scored in one request by a principle: (score - low) / (high - low).

    As :class:`~guerdon.models.protocols.listwise.Listwise`, in the paper's form: responses are called model-1 to model-n in a
    private order that depends on ``seed`` and the texts, and the reply's JSON is read tolerantly outside its thought. A number
    outside the scale, or none, leaves a response undecided. Columns: those named by ``question`` and ``context``.

    Source: RewardAnything 2025 (arXiv 2506.03637); the prompt is ours.

    >>> protocol = PrincipledList(principle="Short responses are better.")
    >>> protocol.scores_of("{'scores': {'model-1': 4, 'model-2': '1',}}", 2)
    {'model-1': 0.75, 'model-2': 0.0}
    """

    principle: str = ""
    asks: Asks = "scores"
    high: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.asks != "scores":
            raise UserError(f"asks={self.asks!r} is another protocol's; a principled list is scored")

    def scores_of(self, reply: str, n: int) -> dict[str, float]:
        """Name -> value, for the names of n responses that a reply scores on the scale."""
        said = numbers_of(read_score_list(reply).scores)
        names = [f"model-{k}" for k in range(1, n + 1)]
        return {
            name: (said[name] - self.low) / (self.high - self.low)
            for name in names
            if name in said and self.low <= said[name] <= self.high
        }

    def list_request(self, shared: Sequence[tuple[str, str]], order: Sequence[str]) -> ChatRequest:
        names = [f"model-{k}" for k in range(1, len(order) + 1)]
        given = [("PRINCIPLE", self.principle), *shared] if self.principle else list(shared)
        ending = _ENDING.format(n=len(order), names=f"{names[0]} to {names[-1]}", low=self.low, high=self.high)
        return self.request(_TASK, given, list(zip(names, order, strict=True)), ending)

    def list_verdicts(self, reply: ChatReply, order: Sequence[str]) -> dict[str, Verdict]:
        values = self.scores_of(reply.text, len(order)) if reply.arrived else {}
        return {
            text: Verdict(values[name], critique=reply.text) if name in values else Verdict.unread(reply)
            for name, text in ((f"model-{k}", text) for k, text in enumerate(order, 1))
        }
