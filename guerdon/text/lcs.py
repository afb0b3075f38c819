"""Length of the longest common subsequence, sixty-odd tokens at a time in the bits of an integer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

_BLOCK = 4096  # reference tokens in one integer; longer references are cut into several


class LcsReference:
    """A token sequence ready to be compared with many others.

    With V, whose zeros mark where the table grows, and M, the positions of a candidate token in the reference, each
    candidate token makes V = (V + (V & M)) | (V & ~M). Cost: candidate tokens x reference tokens / 64. Source: Hyyrö,
    "Bit-parallel LCS-length computation revisited", 2004.

    >>> LcsReference("abcde").length("xbyd")
    2
    """

    __slots__ = ("_blocks", "size")

    def __init__(self, tokens: Sequence[Hashable]) -> None:
        self.size = len(tokens)
        self._blocks: list[tuple[int, dict[Hashable, int]]] = []
        for start in range(0, self.size, _BLOCK):
            block = tokens[start : start + _BLOCK]
            positions: dict[Hashable, int] = {}
            for place, token in enumerate(block):
                positions[token] = positions.get(token, 0) | 1 << place
            self._blocks.append((len(block), positions))

    def length(self, tokens: Sequence[Hashable]) -> int:
        """Length of the longest common subsequence with ``tokens``."""
        if len(self._blocks) == 1:
            return self._single(tokens)
        total = 0
        carries = bytearray(len(tokens))
        for width, positions in self._blocks:
            ones = (1 << width) - 1
            row = ones
            find = positions.get
            for i, token in enumerate(tokens):
                matched = row & find(token, 0)
                carried = carries[i]
                if matched or carried:
                    summed = row + matched + carried
                    carries[i] = summed >> width
                    row = (summed | (row ^ matched)) & ones
            total += width - row.bit_count()
        return total

    def _single(self, tokens: Sequence[Hashable]) -> int:
        width, positions = self._blocks[0]
        row = ones = (1 << width) - 1
        for mask in map(positions.get, tokens):
            if mask is not None:
                matched = row & mask
                row = (row + matched) | (row ^ matched)
                if row > ones:
                    row &= ones
        return width - row.bit_count()


def lcs_length(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence of two token sequences.

    >>> lcs_length(["a", "b", "c"], ["a", "c", "b"])
    2
    """
    return LcsReference(second).length(first)
