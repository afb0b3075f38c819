"""Shaping Explanations: an encoder's cosine to the expert's explanation as the reward of GRPO."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Sum
from guerdon.errors import UserError
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Choice, Cosine, Judged, LengthFloor, LengthMatch, RougeL, Tags

PAPER = Paper(
    slug="shaping-explanations",
    title="Shaping Explanations: Semantic Reward Modeling with Encoder-Only Transformers for GRPO",
    year=2025,
    arxiv="2509.13081",
    kind="reward",
    parts={
        "semantic": PUBLISHED,
        "denominator epsilon 1e-8": RELEASED,
        "correctness and format terms": PUBLISHED,
        "weights (1, 1, 0.5)": OURS,
        "comparators rouge, judge, semantic+rouge, semantic+judge": PUBLISHED,
        "multi-criteria": RELEASED,
        "adaptive temperature": RELEASED,
        "Elo evaluation (K = 32, start 1500)": OURS,
    },
    columns=("reference", "answer"),
    range=(-1.0, 2.5),
    variants=("default", "rouge", "judge", "semantic+rouge", "semantic+judge", "multi-criteria"),
)

TAGS = ("explanation", "answer")


def build(
    variant: str = "default",
    *,
    encoder: Any = "minilm",
    reference: str = "reference",
    answer: str | None = "answer",
    options: str | None = None,
    of: str | None = None,
    weights: tuple[float, float, float] = (1.0, 1.0, 0.5),
    minimum: int = 10,
    chat: Any = None,
    protocol: Any = None,
) -> Reward:
    """The paper's reward: explanation term + correctness + format.

    The explanation term of ``"default"`` is the cosine of the ``<explanation>`` block to the reference; the other variants are
    what the paper trains against, mixtures weighing both halves alike, and the co-author's later ``"multi-criteria"``:
    0.7 cosine + 0.2 length floor + 0.1 length match over the visible text, without correctness and format.

    Args:
        variant: one of ``PAPER.variants``.
        encoder: the frozen sentence encoder; one of the data's language.
        reference, answer, options: columns of the expert's explanation, the right letter, the option texts (None: not read;
            without ``answer`` there is no correctness term).
        of: what of the completion is compared; None: the explanation block (the visible text for ``"multi-criteria"``).
        weights: of the explanation, correctness and format terms; three of (0.7, 0.2, 0.1) kind for ``"multi-criteria"``.
        minimum: characters at which the length floor is reached.
        chat, protocol: the judge, for the variants that have one.

    Raises:
        UserError: a judge variant without a judge, or multi-criteria weights that do not sum to 1.
    """
    if variant == "multi-criteria":
        return _multi_criteria(encoder, reference, of or "visible", weights, minimum)
    read = of or "<explanation>"
    semantic = Cosine(reference=reference, encoder=encoder, of=read)
    halves: list[Reward] = [semantic] if variant == "default" or variant.startswith("semantic") else []
    if variant.endswith("rouge"):
        halves.append(RougeL(reference=reference, of=read))
    if variant.endswith("judge"):
        if chat is None or protocol is None:
            raise UserError(f"variant={variant!r} needs chat=... and protocol=...")
        halves.append(Judged(chat, protocol))
    terms, shares = list(halves), [weights[0] / len(halves)] * len(halves)
    if answer is not None:
        terms, shares = [*terms, Choice(reference=answer, options=options)], [*shares, weights[1]]
    return Sum(*terms, Tags(*TAGS), weights=(*shares, weights[2]))


def _multi_criteria(encoder: Any, reference: str, of: str, weights: tuple[float, float, float], minimum: int) -> Reward:
    shares = (0.7, 0.2, 0.1) if weights == (1.0, 1.0, 0.5) else tuple(weights)
    if len(shares) != 3 or abs(sum(shares) - 1.0) > 0.01:
        raise UserError(f"weights={shares} must be three numbers that sum to 1 (within 0.01)")
    return Sum(
        Cosine(reference=reference, encoder=encoder, of=of, name="semantic"),
        LengthFloor(minimum=minimum, of=of, name="length"),
        LengthMatch(reference=reference, of=of, name="brevity"),
        weights=shares,
    )
