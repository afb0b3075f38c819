"""What was said of finished samples, kept for those that are submitted again, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from guerdon.sample import SampleScores

_BYTES = 128 << 20
_LEAST = 1024  # bytes of an entry without notes, steps and tokens, roughly


class Finished(NamedTuple):
    """A finished sample: the digest of what it said, its scores, and bytes of memory, roughly."""

    digest: bytes
    scores: SampleScores
    weight: int


class Remembered:
    """Finished samples by name, the latest ``most`` of them and about ``bytes_`` bytes; not the samples themselves.

    >>> kept = Remembered(most=1)
    >>> for name in "ab":
    ...     kept.add(name, b"", SampleScores(0.0))
    >>> kept.get("a"), kept.get("b").scores.value
    (None, 0.0)
    """

    def __init__(self, most: int, bytes_: int = _BYTES) -> None:
        self.most, self.bytes = most, bytes_
        self.weight = 0
        self._kept: OrderedDict[Hashable, Finished] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: Hashable) -> Finished | None:
        """The finished sample of this name, while it is remembered."""
        return self._kept.get(name)

    def add(self, name: Hashable, digest: bytes, scores: SampleScores) -> None:
        """Remember a sample; the oldest are forgotten for it."""
        if (known := self._kept.pop(name, None)) is not None:
            self.weight -= known.weight
        self._kept[name] = finished = Finished(digest, scores, weight(scores))
        self.weight += finished.weight
        while self._kept and (len(self._kept) > self.most or self.weight > self.bytes):
            self.weight -= self._kept.popitem(last=False)[1].weight


def weight(scores: SampleScores) -> int:
    """About how many bytes of memory scores take up."""
    notes = [note for note in scores.notes.values() if note]
    said = sum(len(note.message) + len(note.answer or "") for note in notes)
    tokens = 0 if scores.tokens is None else scores.tokens.nbytes
    steps = 0 if scores.steps is None else 3 * scores.steps.values.nbytes
    return _LEAST + 2 * said + tokens + steps
