"""RM-NLHF: judges that write critiques, rewarded for the right verdict and for the arguments that human critics found decisive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from guerdon.combine import Combine
from guerdon.errors import UserError
from guerdon.markers import Column
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.judge import Comparison, PairwiseProtocol, Verdict
from guerdon.models.protocols.key_arguments import KeyArguments
from guerdon.models.protocols.shown import Shown, shown_text
from guerdon.models.protocols.tournament import Tournament
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.registry import register
from guerdon.reward import Reward
from guerdon.rewards import CritiqueVerdict, Judged, OnlineHead
from guerdon.text.critiques import read_choice
from guerdon.text.replies import own_words

PAPER = Paper(
    slug="rm-nlhf",
    title="Reward Modeling from Natural Language Human Feedback",
    year=2026,
    arxiv="2601.07349",
    kind="reward",
    parts={
        "format gate, outcome, binarised key-argument F1 and their sum": RELEASED,
        "combination with MetaRM": RELEASED,
        "double elimination": RELEASED,
        "MetaRM as a ridge head on sentence embeddings": OURS,
        "key arguments counted by the scorer, F1 computed": OURS,
        "nothing read from thoughts; a scorer that fails leaves the sample unscored": OURS,
        "prompts": OURS,
    },
    columns=("winner",),
    range=(-1.0, 1.0),
    variants=("default", "official", "policy"),
)

_TASK = """You compare two responses, A and B, and say which is better. Judge by the few things that decide it, above all by \
errors of fact and unmet requests; the order of the responses and their length do not count."""
_ENDING = """Compare the two responses above. Write your critique in <critics>...</critics>, four lines at most, a decisive \
point with its reason in each. Then end your reply with <choice>[[A]]</choice> or <choice>[[B]]</choice>."""


def build(
    variant: str = "default",
    *,
    winner: str = "winner",
    labels: tuple[str, str] = ("A", "B"),
    critique: str = "human_critique",
    chat: Any = None,
    process: Reward | None = None,
    threshold: float | None = 0.5,
    weight_process: float = 0.5,
    encoder: Any = None,
    shown: tuple[str, ...] = (),
    weight_rule: float = 1.0,
    weight_model: float = 0.5,
    online: bool = True,
    lines: int = 4,
    characters: int = 1500,
) -> Reward:
    """-1 malformed, 0 wrong; a right verdict 1 + 0.5 if its critique makes the human's key arguments, else 1.

    By :func:`guerdon.shaping.critique_rewards.critique_reward`. Without ``chat`` and ``process`` it is the verdict alone, in
    {-1, 0, 1}. With an ``encoder``, rows without a human critique are judged by MetaRM, an
    :class:`~guerdon.rewards.online_head.OnlineHead` that predicts the reward and learns from the annotated rows of each batch
    before it scores that batch; it keeps state, so train with ``build(...).scorer()``. ``"official"`` reads verdicts in thoughts,
    asks the scorer for F1 itself and takes a scorer that fails for 0. ``"policy"``: the trained judge lets a policy's siblings
    play a double elimination, and each is worth its standing.

    Args:
        winner, labels: column with the better response, and what it says for A and for B.
        critique: column with the human critique, text or a mapping; empty or None where there is none.
        chat: the scorer of critiques, or, for ``"policy"``, the judge.
        process: how good a critique is, in [0, 1], instead of a scorer.
        threshold: F1 from which a critique is good; None: F1 itself.
        encoder, shown: of MetaRM: the encoder, and the columns it sees beside the critique (context and responses).
        weight_process, weight_rule, weight_model: as published.
        online: False freezes what MetaRM knew before the batch, to compare.
        lines, characters: of the format gate.

    Raises:
        UserError: ``"policy"`` without a judge, or MetaRM without anything to learn from.
    """
    exact: Literal["default", "official"] = "official" if variant == "official" else "default"
    if variant == "policy":
        if chat is None:
            raise UserError("chat is missing: the variant 'policy' asks the trained judge; name a chat model")
        return Judged(chat, Tournament(CritiqueComparison(), schedule="double_elimination", debias="random"))
    verdict = CritiqueVerdict(exact, winner, (labels[0], labels[1]), lines, characters, name="verdict")
    if process is None and chat is not None:
        process = Judged(chat, KeyArguments(critique=critique, variant=exact), name="key_arguments")
    if process is None:
        if encoder is not None:
            raise UserError("encoder is given, but nothing MetaRM could learn from; give chat, the scorer, or process")
        return verdict
    if threshold is not None:
        process = process.then("threshold", at=threshold, name="process")
    options: dict[str, Any] = {"critiques": Column(critique), "weight_process": weight_process}
    rule = Combine((verdict, process), "critique_reward", options, name="critique_reward")
    if encoder is None:
        return rule
    learned: dict[str, Any] = {"known": critique, "above": -1.0, "online": online, "name": "metarm"}
    head = OnlineHead(rule, encoder, tuple(shown), **learned)
    options |= {"weight_rule": weight_rule, "weight_model": weight_model}
    return Combine((verdict, process, head), "critique_reward", options, name="with_metarm")


@register("protocol", "critique_comparison")
@dataclass(frozen=True)
class CritiqueComparison(Shown, PairwiseProtocol):
    """1 if the first response is better, 0 if the second: a short critique, then a choice. No ties; else undecided.

    Source: RM-NLHF 2026 (arXiv 2601.07349); the prompt is ours.

    >>> CritiqueComparison().read(ChatReply("<critics>B errs.</critics><choice>[[A]]</choice>")).value
    1.0
    """

    def ask(self, comparison: Comparison) -> ChatRequest:
        answers = [("RESPONSE A", shown_text(comparison.first)), ("RESPONSE B", shown_text(comparison.second))]
        return self.request(_TASK, self.background(comparison.prompt, comparison.context), answers, _ENDING)

    def read(self, reply: ChatReply) -> Verdict:
        said = read_choice(own_words(reply.text)) if reply.arrived else None
        return Verdict.unread(reply) if said is None else Verdict(float(said == "A"), critique=reply.text)
