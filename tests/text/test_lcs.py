"""The bit-parallel LCS against the table of the textbook."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text import lcs
from guerdon.text.lcs import LcsReference, lcs_length

WORDS = st.lists(st.sampled_from("abcd"), max_size=30)


def by_table(first: list[str], second: list[str]) -> int:
    row = [0] * (len(second) + 1)
    for a in first:
        before, row = row, [0]
        for j, b in enumerate(second):
            row.append(before[j] + 1 if a == b else max(before[j + 1], row[j]))
    return row[-1]


@given(WORDS, WORDS)
def test_length(first: list[str], second: list[str]) -> None:
    assert lcs_length(first, second) == lcs_length(second, first) == by_table(first, second)


@given(WORDS, WORDS, st.integers(1, 9))
def test_length_in_several_blocks(first: list[str], second: list[str], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lcs, "_BLOCK", block)
        assert LcsReference(second).length(first) == by_table(first, second)


def test_long_sequences() -> None:
    numbers = list(range(10_000))
    assert lcs_length(numbers, numbers) == 10_000
    assert lcs_length(numbers, numbers[::-1]) == 1
    assert lcs_length(numbers[::2], numbers) == 5_000
    assert lcs_length([], numbers) == lcs_length(numbers, []) == 0
