"""One-to-one matching of two sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def best_assignment(gains: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the one-to-one matching with the largest total gain; every one of the shorter side is matched.

    ``gains`` (n, m), finite; returns two index arrays of length min(n, m), rows increasing. Hungarian method with potentials,
    O(min(n, m)^2 max(n, m)).

    Raises:
        ValueError: ``gains`` is not a matrix, or holds a value that is not finite.

    >>> rows, columns = best_assignment([[0.9, 0.8], [0.9, 0.1]])
    >>> rows.tolist(), columns.tolist()
    ([0, 1], [1, 0])
    """
    table = np.asarray(gains, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"gains has shape {table.shape}; it must be (n, m)")
    if not np.isfinite(table).all():
        raise ValueError("gains holds a value that is not finite; give every pair a number")
    if table.shape[0] > table.shape[1]:
        columns, rows = best_assignment(table.T)
        order = np.argsort(rows)
        return rows[order], columns[order]
    return np.arange(len(table), dtype=np.int64), _cheapest_columns(-table)


def _cheapest_columns(costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column of each row in the cheapest matching of n rows into m >= n columns, by shortest augmenting paths."""
    n, m = costs.shape
    row_price, column_price = np.zeros(n), np.zeros(m + 1)
    owner = np.full(m + 1, -1, dtype=np.int64)  # column -> its row; the last column stands for the row being placed
    for row in range(n):
        owner[m], column = row, m
        distance, before = np.full(m, np.inf), np.full(m, m, dtype=np.int64)
        done = np.zeros(m + 1, dtype=bool)
        while owner[column] >= 0:
            done[column] = True
            here = int(owner[column])
            reduced = costs[here] - row_price[here] - column_price[:m]
            nearer = ~done[:m] & (reduced < distance)
            distance[nearer], before[nearer] = reduced[nearer], column
            following = int(np.where(done[:m], np.inf, distance).argmin())
            step = distance[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            distance[~done[:m]] -= step
            column = following
        while column != m:
            previous = int(before[column])
            owner[column] = owner[previous]
            column = previous
        owner[m] = -1
    columns = np.empty(n, dtype=np.int64)
    taken = np.flatnonzero(owner[:m] >= 0)
    columns[owner[taken]] = taken
    return columns
