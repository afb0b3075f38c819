"""Libra: a judge that thinks before it says whether one response is right, trained on problems whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Verdict
from guerdon.models.protocols.sampled import Sampled
from guerdon.models.protocols.shown import ShownCompletions
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.registry import register
from guerdon.reward import Reward
from guerdon.rewards import Judged, Overlong, TruthVerdict
from guerdon.text.boxed_truth import boxed_truth

PAPER = Paper(
    slug="libra",
    title="Libra: Assessing and Improving Reward Model by Learning to Think",
    year=2025,
    arxiv="2507.21645",
    kind="reward",
    parts={
        "reward of a right verdict with a length penalty": PUBLISHED,
        "shape of the length penalty": OURS,
        "form of the verdict, prompt": OURS,
        "rejection sampling, balancing by generator, accuracy by subset": PUBLISHED,
        "mean verdict as a policy reward": OURS,
    },
    columns=("label",),
    range=(-1.0, 1.0),
    variants=("default", "policy"),
)

_TASK = """You check one response to a problem. There is no reference: work the problem out yourself first, then check the \
response's reasoning and, above all, whether its final answer is right. How sure or how polished it sounds does not count."""
_ENDING = (
    "Think first. Then end your reply with \\boxed{1} if the final answer above is right, or \\boxed{0} if it is not."
)


def build(
    variant: str = "default",
    *,
    label: str = "label",
    limit: int = 16384,
    buffer: int = 4096,
    unit: str = "tokens",
    chat: Any = None,
    k: int = 1,
    silent: str = "nan",
    **shown: Any,
) -> Reward:
    r"""1[the verdict is the label] plus a length penalty: what the judge is trained with.

    The penalty is 0 up to ``limit - buffer``, falls to -1 at ``limit`` and stays there. No verdict counts as wrong: here it is
    the policy's fault. ``"policy"`` is what the trained judge makes of a policy's response, in [0, 1]: its verdict, or the mean of
    ``k`` sampled ones. There a judge that says none leaves the sample unscored; ``silent="zero"`` gives 0 as the paper does, and
    punishes the policy for the judge.

    Args:
        label: column with 1 or 0, from a matcher against the known answer (any reward of :mod:`guerdon.rewards.verifiable`).
        limit, buffer, unit: of the penalty; tokens need ``completion_ids``, which trainers give.
        chat: the judge, for ``"policy"``.
        k: verdicts per response; above 1 they are sampled.
        shown: fields of :class:`TruthJudgement`, such as ``question``.

    Raises:
        UserError: ``"policy"`` without a judge, another ``silent``, or options of the one variant given to the other.
    """
    if variant != "policy":
        if shown:
            raise UserError(f"{sorted(shown)} belong to the judge of a policy; say variant='policy'")
        return TruthVerdict(label=label) + Overlong(limit=limit, buffer=buffer, unit=unit)  # type: ignore[no-any-return]
    if chat is None:
        raise UserError("chat is missing: the variant 'policy' asks the trained judge; name a chat model")
    if silent not in ("nan", "zero"):
        raise UserError(f"silent={silent!r} is unknown; choose 'nan' or 'zero'")
    asking = TruthJudgement(**shown)
    judged = Judged(chat, asking if k == 1 else Sampled(asking, k=k, aggregate="mean", temperature=1.0))
    return judged.then("missing_as") if silent == "zero" else judged


@register("protocol", "truth_judgement")
@dataclass(frozen=True)
class TruthJudgement(ShownCompletions):
    r"""1 if a judge that works the problem out by itself finds the response right, 0 if not.

    What it is shown is the response without its thought. The last ``\boxed{1}`` or ``\boxed{0}`` outside the judge's own thought
    counts; a reply without one is undecided. Columns: those named by ``question``, ``reference`` and ``context``.

    Source: Libra 2025 (arXiv 2507.21645); prompt and form of the verdict are ours.

    >>> said = r"<think>\boxed{0}? No, 2+2 is 4.</think> Right: \boxed{1}"
    >>> TruthJudgement().read(Batch(["It is 4."]), [ChatReply(said)])[0].value
    1.0
    """

    def ask(self, batch: Batch) -> list[ChatRequest]:
        return [
            self.request(_TASK, shared, [("RESPONSE", text)], _ENDING)
            for shared, text in zip(self.backgrounds(batch), self.texts(batch), strict=True)
        ]

    def read(self, batch: Batch, replies: Sequence[ChatReply]) -> list[Verdict]:
        return [self.verdict(reply) for reply in replies]

    def verdict(self, reply: ChatReply) -> Verdict:
        """What one reply says."""
        truth = boxed_truth(reply.text) if reply.arrived else None
        return Verdict.unread(reply) if truth is None else Verdict(float(truth), critique=reply.text)
