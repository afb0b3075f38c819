"""Counting n-grams: clipped matches against references prepared once, sets, and their overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence

from guerdon.text.tokens import Tokenizer, find_tokenizer


class NgramTable:
    """The n-grams of one or several token sequences for n = 1..order, ready to be matched against many candidates.

    Tokens become integers and an n-gram is looked up from the number of its first n - 1 tokens, so that what a
    candidate does not share with the references costs next to nothing. Where there are several references, an n-gram
    counts as often as in the reference that has it most.

    >>> NgramTable([["a", "b", "a"]], order=2).matches(["a", "b", "b"])
    [2, 1]
    """

    __slots__ = ("_counts", "_ids", "_next", "order")

    def __init__(self, references: Iterable[Sequence[Hashable]], order: int) -> None:
        if order < 1:
            raise ValueError(f"order={order} must be at least 1")
        self.order = order
        self._ids: dict[Hashable, int] = {}
        rows = [[self._ids.setdefault(token, len(self._ids)) for token in tokens] for tokens in references]
        stride = len(self._ids) + 1
        self._counts = [_most(len(self._ids), rows)]
        self._next: list[dict[int, int]] = []
        prefixes = rows
        for n in range(2, order + 1):
            longer: dict[int, int] = {}
            pairs = [zip(before, row[n - 1 :], strict=False) for before, row in zip(prefixes, rows, strict=True)]
            prefixes = [
                [longer.setdefault(prefix * stride + token, len(longer)) for prefix, token in pair] for pair in pairs
            ]
            self._next.append(longer)
            self._counts.append(_most(len(longer), prefixes))

    def matches(self, tokens: Sequence[Hashable], *, shortest: int = 1) -> list[int]:
        """How many n-grams of ``tokens`` the references have, for n = shortest..order, none counted more than there."""
        known, unknown = self._ids.get, len(self._ids)
        stride = unknown + 1
        ids = [known(token, unknown) for token in tokens]
        ids += [unknown] * self.order
        # Where an n-gram that is known begins, and its number.
        alive = [(i, number) for i, number in enumerate(ids) if number != unknown]
        found = [_clipped(alive, self._counts[0])] if shortest <= 1 else []
        for n, longer in enumerate(self._next, start=2):
            after, last = longer.get, n - 1
            alive = [(i, number) for i, prefix in alive if (number := after(prefix * stride + ids[i + last], -1)) >= 0]
            if n >= shortest:
                found.append(_clipped(alive, self._counts[last]))
        return found


def _most(size: int, rows: Iterable[Sequence[int]]) -> list[int]:
    """How often each number below ``size`` occurs in the row where it occurs most."""
    most = [0] * size
    for row in rows:
        for number, count in Counter(row).items():
            if count > most[number]:
                most[number] = count
    return most


def _clipped(alive: Sequence[tuple[int, int]], limits: Sequence[int]) -> int:
    """The number of n-grams, each counted at most as often as its limit, which is at least 1."""
    numbers = [number for _, number in alive]
    if len(set(numbers)) == len(numbers):
        return len(numbers)
    return sum([count if count < limits[number] else limits[number] for number, count in Counter(numbers).items()])


def ngrams(tokens: Sequence[Hashable], n: int) -> Iterator[tuple[Hashable, ...]]:
    """The n-grams of ``tokens``, in order.

    >>> list(ngrams("abc", 2))
    [('a', 'b'), ('b', 'c')]
    """
    if n < 1:
        raise ValueError(f"n={n} must be at least 1")
    return zip(*(tokens[start:] for start in range(n)), strict=False)


def ngram_jaccard(first: str, second: str, n: int = 1, *, tokenizer: str | Tokenizer = "words") -> float:
    """Jaccard index of the sets of n-grams of two texts, in [0, 1]; 0 where neither has an n-gram.

    >>> ngram_jaccard("the cat sat", "the cat ran", n=2)
    0.3333333333333333
    """
    cut = find_tokenizer(tokenizer)
    a, b = set(ngrams(cut(first), n)), set(ngrams(cut(second), n))
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def multiset_jaccard(first: Iterable[Hashable], second: Iterable[Hashable]) -> float:
    """Jaccard index of two multisets, sum of min counts / sum of max counts, in [0, 1]; 1 where both are empty.

    >>> multiset_jaccard(["a", "a", "b"], ["a", "b", "c"])
    0.5
    """
    a, b = Counter(first), Counter(second)
    union = (a | b).total()
    return (a & b).total() / union if union else 1.0
