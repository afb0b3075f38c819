"""R^3: an alignment reward without preferences: relevance, kept from being hacked by length and repetition."""

from __future__ import annotations

import math
from typing import Any

from guerdon.combine import Product, Router
from guerdon.errors import UserError
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import DistinctNgrams, Given, LengthIncentive, Relevance
from guerdon.rewards.relevance import CONTRIEVER
from guerdon.text.chat_template import STOPS

PAPER = Paper(
    slug="r3-relevance",
    title="Preference-free Alignment Learning with Regularized Relevance Reward",
    year=2024,
    arxiv="2402.03469",
    kind="reward",
    parts={
        "length incentive, repetition penalty, branching and interpolation": RELEASED,
        "un-normalised relevance to the raw query or the reference": RELEASED,
        "nothing for an empty response or beyond a stop, length counted up to the limit": OURS,
    },
    columns=("qtype", "reference"),
    variants=("default", "official"),
)

OPEN, CONSTRAINED = "OPENENDED", "CONSTRAINED"
#: What the relevance of a retriever reaches at most in practice, and what is mapped to the full reward.
REACH = 3.5


def build(
    variant: str = "default",
    *,
    encoder: Any = CONTRIEVER,
    relevance: bool = True,
    length_incentive: bool = True,
    repetition_penalty: bool = True,
    branching: bool = True,
    max_new_tokens: int = 512,
    scores: str | None = None,
    qtype: str = "qtype",
    reference: str = "reference",
    stop: tuple[str, ...] = STOPS,
    tokenizer: str = "wordpunct",
) -> Reward:
    """Open-ended: relevance to the query * tokens / 100 * distinct trigrams; constrained: F(relevance to the reference) * trigrams.

    F maps [0, 3.5] to [0, max_new_tokens / 100], so that a closed question pays for no word more. An unknown type is open-ended.
    Unbounded, as relevance is. The response is read without its thinking, an empty one is worth 0 and no token beyond
    ``max_new_tokens`` counts.

    ``"official"`` reads all of it, embeds what comes after a stop too, counts without end, and pays F(relevance) for an empty
    answer to a constrained query.

    Args:
        encoder: what gives embeddings; not normalised ones, or ranges differ.
        relevance, length_incentive, repetition_penalty: which factors are on; without relevance there are no branches.
        branching: whether constrained queries have a branch of their own.
        max_new_tokens: the longest response.
        scores: column of relevance scores computed elsewhere, each for the text that its branch compares with.
        qtype, reference: columns of the query's type, ``OPENENDED`` or ``CONSTRAINED``, and of the reference.
        stop, tokenizer: where a response ends and what a token is.

    Raises:
        UserError: no factor is on.
    """
    official = variant == "official"
    reading: dict[str, Any] = {"of": "whole" if official else "visible", "stop": stop, "tokenizer": tokenizer}
    length = LengthIncentive(limit=math.inf if official else float(max_new_tokens), **reading)
    distinct = DistinctNgrams(empty=1.0 if official else 0.0, **reading)
    regularised = [length] * length_incentive + [distinct] * repetition_penalty
    if not relevance:
        if not regularised:
            raise UserError("relevance, length_incentive and repetition_penalty are all off; leave one on")
        return Product(*regularised)

    def relevant(to: str) -> Reward:
        if scores is not None:
            return Given(scores, name="relevance")
        shown = () if official else stop
        return Relevance(encoder, to, reference, variant, of=reading["of"], stop=shown, name=f"relevance_to_{to}")

    open_ended = Product(relevant("prompt"), *regularised)
    if not branching:
        return open_ended
    scale = linear_interpolation(1.0, max_new_tokens=max_new_tokens)
    constrained = Product(relevant("reference").then("affine", scale=scale), *[distinct] * repetition_penalty)
    return Router(qtype, {OPEN: open_ended, CONSTRAINED: constrained}, default=OPEN)


def linear_interpolation(
    relevance: float, *, max_new_tokens: int = 512, input_end: float = REACH, output_end: float | None = None
) -> float:
    """F(v) = v / input_end * output_end, beyond the ends too; output_end is max_new_tokens / 100 unless given.

    >>> round(linear_interpolation(4.2), 3), linear_interpolation(3.5, output_end=5.0)
    (6.144, 5.0)
    """
    return relevance / input_end * (max_new_tokens / 100.0 if output_end is None else output_end)
