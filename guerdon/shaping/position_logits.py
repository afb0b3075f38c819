"""From the logits of positions to numbers of tokens: log-probabilities, and a raw logit as some code reads it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def token_logprobs(logits: ArrayLike, ids: ArrayLike) -> Floats:
    """log softmax(logits_t)[ids_t]: (T,) log-probabilities of tokens from the (T, V) logits that predict them.

    Raises:
        ValueError: the numbers of rows and ids differ, or an id is outside the vocabulary.

    >>> token_logprobs([[0.0, 0.0], [0.0, -np.inf]], [1, 0]).round(4).tolist()
    [-0.6931, 0.0]
    """
    rows, tokens = _checked(logits, ids)
    if len(rows) != len(tokens):
        raise ValueError(f"logits has {len(rows)} rows for {len(tokens)} ids; give the row that predicts each token")
    if not len(tokens):
        return np.empty(0)
    top = rows.max(axis=1)
    normaliser = top + np.log(np.exp(rows - top[:, None]).sum(axis=1))
    return np.asarray(rows[np.arange(len(tokens)), tokens] - normaliser)


def single_position_logit(sequence_logits: ArrayLike, ids: ArrayLike) -> float:
    """The mean raw logit of all ``ids`` at one position, as many from the end of the sequence as there are ids; NaN without ids.

    Not a likelihood. It is what the released code of FLR computes, ids with the beginning-of-text token, from the (L, V) logits
    of the whole rendered dialogue.

    Raises:
        ValueError: fewer positions than ids, or an id outside the vocabulary.

    >>> single_position_logit([[9.0, 9.0], [1.0, 3.0], [0.0, 0.0]], [0, 1])
    2.0
    """
    rows, tokens = _checked(sequence_logits, ids)
    if len(tokens) > len(rows):
        raise ValueError(f"sequence_logits has {len(rows)} rows, fewer than the {len(tokens)} ids")
    return float(rows[len(rows) - len(tokens)][tokens].mean()) if len(tokens) else float("nan")


def _checked(logits: ArrayLike, ids: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    rows, tokens = np.asarray(logits, dtype=np.float64), np.asarray(ids, dtype=np.int64).reshape(-1)
    rows = rows.reshape(0, 0) if not rows.size else rows
    if rows.ndim != 2:
        raise ValueError(f"logits has shape {rows.shape}; it must be (positions, vocabulary)")
    if len(tokens) and len(rows) and not (tokens.min() >= 0 and tokens.max() < rows.shape[1]):
        raise ValueError(f"ids lie in [{tokens.min()}, {tokens.max()}] and the vocabulary has {rows.shape[1]} entries")
    return rows, tokens
