"""How much a text repeats itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from guerdon.text.ngrams import ngrams


def distinct_ngrams(tokens: Sequence[Hashable], n: int = 3) -> float:
    """Share of distinct n-grams among all, in (0, 1]; 1 where there are fewer than n tokens.

    Source: the repetition penalty of arXiv 2402.03469 (n = 3); distinct-n of Li et al. 2016.

    >>> distinct_ngrams("to be or not to be".split(), n=2)
    0.8
    """
    total = len(tokens) - n + 1
    return len(set(ngrams(tokens, n))) / total if total > 0 else 1.0


def repeated_ngrams(tokens: Sequence[Hashable], n: int = 3) -> float:
    """Share of n-grams that occurred before, 1 - :func:`distinct_ngrams`, in [0, 1).

    >>> round(repeated_ngrams("to be or not to be".split(), n=2), 6)
    0.2
    """
    return 1.0 - distinct_ngrams(tokens, n)


def most_frequent_ngram(tokens: Sequence[Hashable], n: int) -> int:
    """How often the most frequent n-gram occurs (occurrences may overlap); 0 where there are fewer than n tokens.

    >>> most_frequent_ngram("a b a b a b".split(), 2)
    3
    """
    return max(Counter(ngrams(tokens, n)).values(), default=0)


def repeated_ending(tokens: Sequence[Hashable]) -> float:
    """Share of the tokens that belong to a final loop, a unit said at least twice in a row up to the end, in [0, 1].

    The longest such ending counts; a unit cut short at the end of the text counts too. Linear in the number of tokens.

    >>> repeated_ending("well : no no no no".split())
    0.6666666666666666
    """
    size = len(tokens)
    if size < 2:
        return 0.0
    backwards = tokens[::-1]
    # The prefix function of the reversed tokens gives the period of each ending.
    borders = [0] * size
    longest = 0
    border = 0
    for i in range(1, size):
        while border and backwards[i] != backwards[border]:
            border = borders[border - 1]
        if backwards[i] == backwards[border]:
            border += 1
        borders[i] = border
        if i + 1 >= 2 * (i + 1 - border):
            longest = i + 1
    return longest / size
