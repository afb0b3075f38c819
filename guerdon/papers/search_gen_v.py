"""Search-Gen-V: facts of the reference as the rubric of a search-augmented answer, and the reward that trains who checks them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from guerdon.combine import Maximum
from guerdon.models.protocols.nuggets import LABELS, Nuggets
from guerdon.paper import OURS, PUBLISHED, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Judged, NuggetLabels
from guerdon.rubrics.nugget_extraction import NuggetExtraction

PAPER = Paper(
    slug="search-gen-v",
    title="An Efficient Rubric-based Generative Verifier for Search-Augmented LLMs",
    year=2025,
    arxiv="2510.14660",
    kind="reward",
    parts={
        "reward that trains the verifier": RELEASED,
        "label parser, ten forms": RELEASED,
        "best label over blocks, metrics": RELEASED,
        "nuggets as the policy's reward": PUBLISHED,
        "mean over nuggets, half for partial support": OURS,
        "labels that do not occur are left out of F1": OURS,
        "prompts, nugget extraction": OURS,
    },
    columns=("gold_labels_text", "nuggets_count", "format_hint"),
    range=(0.0, 1.0),
    variants=("default", "official"),
)


def build(
    variant: str = "default",
    *,
    chat: Any = None,
    nuggets: str = "nuggets",
    partial: float = 0.5,
    blocks: int | None = None,
    match: Reward | None = None,
    **columns: Any,
) -> Reward:
    """Without ``chat``, the reward that trains a verifier; with it, the reward a policy earns from that verifier.

    The first is :class:`~guerdon.rewards.nugget_labels.NuggetLabels`. The second is the mean over the row's nuggets of 1 for
    support, ``partial`` for partial support and 0 else, each with its best label over the blocks of the answer; with ``match``, a
    reward in [0, 1] such as exact match for short answers, the greater of the two.

    Args:
        chat: the verifier.
        nuggets: column with the facts, such as :func:`generator` takes from passages.
        partial: what partial support is worth; 0 is strict.
        blocks: most characters of a block of a long answer; None: it is not cut.
        match: what accepts an answer without the verifier.
        columns: ``gold``, ``count`` and ``form`` of the training reward.
    """
    if chat is None:
        return NuggetLabels(variant="official" if variant == "official" else "default", **columns)
    verified = Judged(chat, Nuggets(nuggets=nuggets, partial=partial, blocks=blocks), name="nuggets")
    return verified if match is None else Maximum(match, verified)


def generator(**options: Any) -> NuggetExtraction:
    """What takes the nuggets of a question from passages; run it with :func:`guerdon.rubrics.generate`.

    >>> generator(most=10).most
    10
    """
    return NuggetExtraction(**options)


def max_support(predictions: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Decisions by block as decisions by nugget: for each query and nugget the best gold and the best predicted label.

    support > partial_support > not_support > anything else; the first of equals. In order of first appearance.

    >>> rows = [{"qid": 1, "nugget_text": "a", "block_pred": p, "block_true": "support"} for p in (None, "not_support")]
    >>> max_support(rows)
    {'y_true': ['support'], 'y_pred': ['not_support']}
    """
    found: dict[Hashable, list[Mapping[str, Any]]] = {}
    for row in predictions:
        found.setdefault((row["qid"], row["nugget_text"]), []).append(row)
    return {
        name: [min((row[side] for row in rows), key=_place) for rows in found.values()]
        for name, side in (("y_true", "block_true"), ("y_pred", "block_pred"))
    }


def _place(label: Any) -> int:
    return LABELS.index(label) if label in LABELS else len(LABELS)
