"""Projection: step rewards put on the tokens at which the steps end, for trainers that take a reward per token."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

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
            ends = token_spans(scores.steps.spans, ids, decode)[:, 1] - 1
            np.add.at(placed, ends, np.nan_to_num(scores.steps.values))
    placed[-1] += total - placed.sum()
    return placed


def token_at(ids: Sequence[int], decode: Decode, end: int) -> int:
    """The token with which the first ``end`` characters of the decoded text are complete; the last one where they never are.

    >>> token_at([1, 2, 3], lambda ids: "ab" * len(ids), 3)
    1
    """
    reached = bisect_left(range(1, len(ids) + 1), end, key=lambda count: len(decode(list(ids[:count]))))
    return min(reached, len(ids) - 1)


def token_spans(spans: NDArray[np.int64], ids: Sequence[int], decode: Decode) -> NDArray[np.int64]:
    """(S, 2) the tokens [start, end) of each span of characters; each has one at least, which for those past the end is the last.

    >>> token_spans(np.array([[0, 2], [2, 3]]), [7, 8, 9], lambda ids: "ab" * len(ids)).tolist()
    [[0, 1], [1, 2]]
    """
    if not len(ids):
        return np.zeros((len(spans), 2), dtype=np.int64)
    length, counts = text_lengths(ids, decode), range(1, len(ids) + 1)
    found = np.array([[bisect_left(counts, edge, key=length) for edge in (a + 1, b)] for a, b in spans.tolist()])
    found = np.minimum(found.reshape(-1, 2), len(ids) - 1)
    return np.stack([np.minimum(found[:, 0], found[:, 1]), found[:, 1] + 1], axis=1)


def text_lengths(ids: Sequence[int], decode: Decode) -> Callable[[int], int]:
    """A function of ``count``: how many characters the first ``count`` tokens decode to.

    >>> [text_lengths([1, 2], lambda ids: "ab" * len(ids))(count) for count in (0, 1, 2)]
    [0, 2, 4]
    """
    pieces = [decode([token]) for token in ids]
    if "".join(pieces) == decode(list(ids)):
        return [0, *accumulate(map(len, pieces))].__getitem__
    return cache(lambda count: len(decode(list(ids[:count]))))
