"""Overlap of two texts in tokens: F1, precision and recall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.text.tokens import Tokenizer, find_tokenizer

Counting = Literal["multiset", "set"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Precision, recall and F1, each in [0, 1]."""

    precision: float
    recall: float
    f1: float


def token_f1(
    candidate: str, reference: str, *, tokenizer: str | Tokenizer = "squad", counting: Counting = "multiset"
) -> float:
    """F1 of the tokens that two texts share, in [0, 1]; 1 where neither has a token, 0 where only one has.

    F1 = 2PR/(P + R) with P = shared/candidate tokens, R = shared/reference tokens. Shared tokens count as often as
    both have them (``"multiset"``: SQuAD, Rajpurkar et al. 2016) or once each (``"set"``: ChatR1, arXiv 2510.13312),
    over the full lengths in either case.

    Raises:
        ValueError: an unknown ``tokenizer`` or ``counting``.

    >>> token_f1("wind energy", "the wind")
    0.6666666666666666
    >>> token_f1("wind wind wind energy", "wind energy", counting="set")
    0.6666666666666666
    """
    cut = find_tokenizer(tokenizer)
    return token_overlap(cut(candidate), cut(reference), counting=counting).f1


def token_overlap(
    candidate: Sequence[Hashable], reference: Sequence[Hashable], *, counting: Counting = "multiset"
) -> Overlap:
    """Precision, recall and F1 of token sequences; see :func:`token_f1`.

    >>> token_overlap(["a", "b"], ["a", "c", "d"])
    Overlap(precision=0.5, recall=0.3333333333333333, f1=0.4)
    """
    if counting not in ("multiset", "set"):
        raise ValueError(f"counting={counting!r} is unknown; choose 'multiset' or 'set'")
    if not candidate or not reference:
        both = float(not candidate and not reference)
        return Overlap(both, both, both)
    shared = _distinct_shared(candidate, reference) if counting == "set" else _shared(candidate, reference)
    precision, recall = shared / len(candidate), shared / len(reference)
    return Overlap(precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0)


def _shared(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    return (Counter(first) & Counter(second)).total()


def _distinct_shared(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    return len(set(first) & set(second))
