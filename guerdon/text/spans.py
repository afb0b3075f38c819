"""Character spans and token spans of one text, given the tokens' character offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Offsets = Sequence[tuple[int, int]] | NDArray[np.int64]


def token_span(offsets: Offsets, start: int, end: int) -> tuple[int, int] | None:
    """The tokens (first, last + 1) that share a character with ``text[start:end]``; None if none does.

    ``offsets`` (T, 2) are the tokens' character spans as a fast tokenizer returns them, in order; empty ones, as
    special tokens have, share nothing.

    >>> token_span([(0, 0), (0, 3), (3, 7), (7, 9)], 2, 5)
    (1, 3)
    """
    return token_spans(offsets, [(start, end)])[0]


def token_spans(offsets: Offsets, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """:func:`token_span` of each character span, in O(tokens + spans x log tokens).

    >>> token_spans([(0, 2), (2, 4), (4, 6)], [(0, 3), (9, 12)])
    [(0, 2), None]
    """
    table = _checked(offsets)
    real = np.flatnonzero(table[:, 1] > table[:, 0])
    starts, ends = table[real, 0], table[real, 1]
    wanted = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    firsts = np.searchsorted(ends, wanted[:, 0], side="right")
    lasts = np.searchsorted(starts, wanted[:, 1], side="left")
    return [
        (int(real[first]), int(real[last - 1]) + 1) if first < last and start < end else None
        for first, last, (start, end) in zip(firsts.tolist(), lasts.tolist(), wanted.tolist(), strict=True)
    ]


def char_span(offsets: Offsets, first: int, last: int) -> tuple[int, int] | None:
    """The characters (start, end) that the tokens ``first:last`` cover; None if they cover none.

    >>> char_span([(0, 0), (0, 3), (3, 7), (7, 9)], 1, 3)
    (0, 7)
    """
    spans = _checked(offsets)[first:last]
    spans = spans[spans[:, 1] > spans[:, 0]]
    return (int(spans[:, 0].min()), int(spans[:, 1].max())) if len(spans) else None


def token_mask(offsets: Offsets, spans: Iterable[tuple[int, int]]) -> NDArray[np.bool_]:
    """(T,) whether each token shares a character with any of the character ``spans``. Linear in tokens plus characters.

    >>> token_mask([(0, 2), (2, 4), (4, 6)], [(0, 1), (5, 6)]).tolist()
    [True, False, True]
    """
    table = _checked(offsets)
    size = int(table[:, 1].max(initial=0))
    edges = np.zeros(size + 1, dtype=np.int64)
    for start, end in spans:
        start, end = min(max(start, 0), size), min(max(end, 0), size)
        if end > start:
            edges[start] += 1
            edges[end] -= 1
    covered = np.concatenate([[0], np.cumsum(np.cumsum(edges)[:size] > 0)])
    mask: NDArray[np.bool_] = covered[table[:, 1]] - covered[np.minimum(table[:, 0], table[:, 1])] > 0
    return mask


def last_tokens(offsets: Offsets, spans: Sequence[tuple[int, int]]) -> list[int | None]:
    """The last token of each character span, where a step's reward is placed; None where no token shares a character.

    >>> last_tokens([(0, 2), (2, 4), (4, 6)], [(0, 3), (9, 12)])
    [1, None]
    """
    return [None if span is None else span[1] - 1 for span in token_spans(offsets, spans)]


def offsets_of(pieces: Sequence[str]) -> NDArray[np.int64]:
    """(T, 2) the character offsets of tokens that are pieces of one text, joined without anything between.

    >>> offsets_of(["ab", "c"]).tolist()
    [[0, 2], [2, 3]]
    """
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    starts = np.concatenate([np.zeros(min(1, len(ends)), dtype=np.int64), ends[:-1]])
    return np.stack([starts, ends], axis=1)


def _checked(offsets: Offsets) -> NDArray[np.int64]:
    table = np.asarray(offsets, dtype=np.int64)
    if table.size == 0:
        return table.reshape(0, 2)
    if table.ndim != 2 or table.shape[1] != 2:
        raise ValueError(f"offsets has shape {table.shape}; it must be (tokens, 2), the start and end of each token")
    if (np.diff(table[table[:, 1] > table[:, 0]], axis=0) < 0).any():
        raise ValueError("offsets are not in order of the text; sort the tokens by their position first")
    return table
