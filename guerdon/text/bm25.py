"""BM25: which of some documents fit a query, by words."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from guerdon.text.tokens import word_tokens


class BM25:
    """An index of documents; scores are Okapi BM25 with an idf that is never negative, ln(1 + (N - n + 0.5) / (n + 0.5)).

    Source: Robertson and Zaragoza 2009.

    >>> BM25(["the cat sat", "a dog ran", "cats and dogs"]).search("the running dog, a dog")[0][0]
    1
    """

    def __init__(self, documents: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        counts = [Counter(word_tokens(document)) for document in documents]
        lengths = [sum(count.values()) for count in counts]
        mean = sum(lengths) / len(lengths) if any(lengths) else 1.0
        self._weights: dict[str, list[tuple[int, float]]] = defaultdict(list)
        holding = Counter(word for count in counts for word in count)
        for i, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            norm = k1 * (1.0 - b + b * length / mean)
            for word, tf in count.items():
                idf = math.log(1.0 + (len(documents) - holding[word] + 0.5) / (holding[word] + 0.5))
                self._weights[word].append((i, idf * tf * (k1 + 1.0) / (tf + norm)))

    def search(self, query: str, top: int = 3) -> list[tuple[int, float]]:
        """The best documents with a word of the query, best first and earlier first among equals: (number, score)."""
        scores: dict[int, float] = defaultdict(float)
        for word in dict.fromkeys(word_tokens(query)):
            for i, weight in self._weights.get(word, ()):
                scores[i] += weight
        return sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:top]
