"""Which rows of tokens share a beginning, and the keys and values of beginnings that were run before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 8

Integers = NDArray[np.int64]


def common_length(left: Integers, right: Integers) -> int:
    """How many tokens two rows have in common from their beginning.

    >>> common_length(np.array([1, 2, 3]), np.array([1, 2, 4, 5]))
    2
    """
    size = min(len(left), len(right))
    different = np.flatnonzero(left[:size] != right[:size])
    return int(different[0]) if len(different) else size


def prefix_groups(
    rows: Sequence[Sequence[int]], most: Sequence[int], least: int = LEAST
) -> list[tuple[int, list[int]]]:
    """Rows in groups that share their first tokens, as ``(length, row numbers)``, chosen to save many tokens.

    A group of n rows with a common beginning of L tokens saves (n - 1) L; of a set and its parts the better are kept.
    ``most[i]`` bounds L for row i; a beginning shorter
    than ``least`` is not shared; a row that shares nothing is a group of length 0 by itself.

    >>> prefix_groups([(1, 2, 3), (5, 6), (1, 2, 4), (1, 2, 3, 9)], [3, 2, 3, 3], least=2)
    [(2, [0, 3, 2]), (0, [1])]
    """
    ends = [tuple(row[:end]) for row, end in zip(rows, most, strict=True)]
    order = sorted(range(len(rows)), key=ends.__getitem__)
    arrays = [np.asarray(ends[i], dtype=np.int64) for i in order]
    shared = [common_length(left, right) for left, right in pairwise(arrays)]
    # Neighbours are joined from the longest common beginning to the shortest; each join keeps the better of the joined group
    # and the best partitions of its parts.
    first = list(range(len(order)))  # of the cluster that ends here
    last = list(range(len(order)))  # of the cluster that begins here
    saved = [0] * len(order)  # by the cluster that begins here
    best: list[list[tuple[int, list[int]]]] = [[(0, [i])] for i in order]
    for k in sorted(range(len(shared)), key=lambda k: -shared[k]):
        if shared[k] < max(least, 1):
            break
        left, right = first[k], k + 1
        end = last[right]
        together = (end - left) * shared[k]
        if together >= saved[left] + saved[right]:
            saved[left], best[left] = together, [(shared[k], order[left : end + 1])]
        else:
            saved[left], best[left] = saved[left] + saved[right], best[left] + best[right]
        first[end], last[left] = left, end
    found, k = [], 0
    while k < len(order):
        found += best[k]
        k = last[k] + 1
    return found


@dataclass(frozen=True, eq=False)
class Prefix:
    """Tokens and what attention keeps of them: per layer keys and values (heads, P, width)."""

    ids: Integers
    layers: tuple[tuple[Tensor, Tensor], ...]

    def __len__(self) -> int:
        return len(self.ids)

    def cut(self, length: int) -> Prefix:
        """The first ``length`` tokens; what a causal model keeps of them does not depend on the rest."""
        if length >= len(self):
            return self
        return Prefix(self.ids[:length], tuple((k[:, :length], v[:, :length]) for k, v in self.layers))

    @property
    def nbytes(self) -> int:
        """Memory of keys and values."""
        return sum(t.numel() * t.element_size() for pair in self.layers for t in pair)


class PrefixStore:
    """The most recently used prefixes of one set of weights, up to a number of bytes.

    Attributes:
        hits: how often some of a wanted prefix was there.
        misses: how often none was.
        tokens: tokens that did not have to be run.
    """

    def __init__(self, limit: int, least: int = LEAST) -> None:
        self.limit, self.least = limit, least
        self.hits = self.misses = self.tokens = self.nbytes = 0
        self._kept: OrderedDict[bytes, Prefix] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def longest(self, ids: Integers) -> Prefix | None:
        """What is known of the beginning of ``ids``: the longest, at least ``least`` tokens, or None."""
        found, length = None, self.least - 1
        for key, prefix in self._kept.items():
            common = common_length(prefix.ids, ids)
            if common > length:
                found, length = key, common
        if found is None:
            self.misses += 1
            return None
        self._kept.move_to_end(found)
        self.hits += 1
        self.tokens += length
        return self._kept[found].cut(length)

    def add(self, prefix: Prefix) -> None:
        """Keep a prefix, in place of those that it continues; the least recently used make room."""
        if prefix.nbytes > self.limit:
            return
        shorter = [
            key
            for key, kept in self._kept.items()
            if len(kept) <= len(prefix) and common_length(kept.ids, prefix.ids) == len(kept)
        ]
        for key in shorter:
            self.nbytes -= self._kept.pop(key).nbytes
        self._kept[prefix.ids.tobytes()] = prefix
        self.nbytes += prefix.nbytes
        while self.nbytes > self.limit:
            self.nbytes -= self._kept.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget everything, as after a change of weights."""
        self._kept.clear()
        self.nbytes = 0
