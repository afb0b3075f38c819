"""Pairs of a better and a worse response put in order, so that the place tells nothing of the quality."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def balanced_order(
    pairs: Iterable[Mapping[str, Any]], *, labels: tuple[str, str] = ("model_a", "model_b")
) -> Iterator[dict[str, Any]]:
    """Rows with ``response_a``, ``response_b`` and ``winner`` from rows with ``chosen`` and ``rejected``, the places taking turns.

    Labels are balanced to one row, in any prefix. Other columns stay.

    Source: RM-R1 2025 (arXiv 2505.02387), released data scripts.

    >>> [row["winner"] for row in balanced_order([{"chosen": "x", "rejected": "y"}] * 3)]
    ['model_a', 'model_b', 'model_a']
    """
    for number, pair in enumerate(pairs):
        rest = {name: value for name, value in pair.items() if name not in ("chosen", "rejected")}
        sides = (pair["chosen"], pair["rejected"]) if number % 2 == 0 else (pair["rejected"], pair["chosen"])
        yield {**rest, "response_a": sides[0], "response_b": sides[1], "winner": labels[number % 2]}
