"""Edit distance of two texts, and the answer similarity built on it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Levenshtein distance: the fewest insertions, deletions and substitutions that turn one into the other.

    Works on texts and on token sequences. Cost: length of the longer x length of the shorter / 64. Source: Myers,
    "A fast bit-vector algorithm for approximate string matching", 1999, in the form of Hyyrö 2003.

    >>> edit_distance("kitten", "sitting")
    3
    """
    if len(first) < len(second):
        first, second = second, first
    if not second:
        return len(first)
    places: dict[Hashable, int] = {}
    for place, item in enumerate(second):
        places[item] = places.get(item, 0) | 1 << place
    ones, top = (1 << len(second)) - 1, 1 << (len(second) - 1)
    # Bits say where the column of the table grows by one from row to row (up) and where it shrinks (down).
    up, down, distance = ones, 0, len(second)
    for item in first:
        equal = places.get(item, 0)
        diagonal = (((equal & up) + up) ^ up) | equal | down
        right_up = down | (ones & ~(diagonal | up))
        right_down = up & diagonal
        distance += (right_up & top > 0) - (right_down & top > 0)
        right_up = (right_up << 1 | 1) & ones
        right_down = right_down << 1 & ones
        up = right_down | (ones & ~(diagonal | right_up))
        down = right_up & diagonal
    return distance


def edit_similarity(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """1 - edit distance / length of the longer, in [0, 1]; 1 where both are empty.

    >>> round(edit_similarity("Beijing", "beijing"), 4)
    0.8571
    """
    longest = max(len(first), len(second))
    return 1.0 - edit_distance(first, second) / longest if longest else 1.0


def anls(candidate: str, references: Iterable[str], *, threshold: float = 0.5) -> float:
    """The best :func:`edit_similarity` to any reference, in [0, 1]; 0 where its distance share reaches ``threshold``.

    Characters are compared as they are. Source: Biten et al. 2019 (ANLS, there after lower-casing).

    Raises:
        ValueError: no reference.

    >>> anls("Beijin", ["foo", "Beijing"]), anls("xyzw", ["abcd"])
    (0.8571428571428572, 0.0)
    """
    similarities = [edit_similarity(candidate, reference) for reference in references]
    if not similarities:
        raise ValueError("references is empty; give at least one text")
    best = max(similarities)
    return best if 1.0 - best < threshold else 0.0
