"""Projection: step rewards put on the tokens at which the steps end, for trainers that take a reward per token."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from guerdon.sample import SampleScores
from guerdon.scores import Floats

Decode = Callable[[list[int]], str]


def on_tokens(scores: SampleScores, ids: Sequence[int], decode: Decode, *, value: float | None = None) -> Floats:
    """(T,) rewards of a completion's tokens, which sum to ``value`` (None: the sample's).

    Token rewards stay where they are. A step's reward goes to the token with which the step's span ends, found by decoding
    beginnings of ``ids``; without spans, and where there are no steps, all goes to the last token. What the placed rewards miss of
    the value, because steps are not reduced by a sum or because it is a fallback, goes to the last token as well.

    >>> from guerdon.scores import Steps
    >>> scores = SampleScores(1.0, steps=Steps(np.array([0.25, 0.75]), np.array([[0, 2], [2, 4]])))
    >>> on_tokens(scores, [7, 8, 9], lambda ids: "".join({7: "a", 8: "b", 9: "cd"}[i] for i in ids)).tolist()
    [0.0, 0.25, 0.75]
    """
    placed = np.zeros(len(ids))
    if not len(ids):
        return placed
    total = scores.value if value is None else value
    if not np.isnan(scores.value):
        if scores.tokens is not None and len(scores.tokens) == len(ids):
            placed += np.nan_to_num(scores.tokens)
        elif scores.steps is not None and scores.steps.spans is not None:
            for reward, (_, end) in zip(scores.steps.values.tolist(), scores.steps.spans.tolist(), strict=True):
                placed[token_at(ids, decode, end)] += 0.0 if np.isnan(reward) else reward
    placed[-1] += total - placed.sum()
    return placed


def token_at(ids: Sequence[int], decode: Decode, end: int) -> int:
    """The token with which the first ``end`` characters of the decoded text are complete; the last one where they never are.

    >>> token_at([1, 2, 3], lambda ids: "ab" * len(ids), 3)
    1
    """
    reached = bisect_left(range(1, len(ids) + 1), end, key=lambda count: len(decode(list(ids[:count]))))
    return min(reached, len(ids) - 1)
