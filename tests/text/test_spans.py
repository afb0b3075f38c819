"""Characters and tokens of the same text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.text.spans import char_span, last_tokens, offsets_of, token_mask, token_span, token_spans

OFFSETS = [(0, 0), (0, 3), (3, 7), (7, 7), (7, 9), (0, 0)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 3, (1, 2)),
        (2, 5, (1, 3)),
        (3, 7, (2, 3)),
        (0, 9, (1, 5)),
        (8, 20, (4, 5)),
        (9, 12, None),
        (4, 4, None),
        (5, 2, None),
    ],
)
def test_token_span(start: int, end: int, expected: tuple[int, int] | None) -> None:
    assert token_span(OFFSETS, start, end) == expected


def test_char_span() -> None:
    assert char_span(OFFSETS, 0, 6) == (0, 9)
    assert char_span(OFFSETS, 2, 4) == (3, 7)
    assert char_span(OFFSETS, 0, 1) is None
    assert char_span([], 0, 3) is None


def test_masks_and_last_tokens() -> None:
    assert token_mask(OFFSETS, [(0, 1), (8, 9), (-5, 0), (5, 3)]).tolist() == [False, True, False, False, True, False]
    assert token_mask([], [(0, 1)]).tolist() == []
    assert last_tokens(OFFSETS, [(0, 4), (8, 9), (20, 30)]) == [2, 4, None]
    assert token_spans(OFFSETS, []) == []


def test_offsets_of_pieces() -> None:
    assert offsets_of(["ab", "", "c"]).tolist() == [[0, 2], [2, 2], [2, 3]]
    assert offsets_of([]).shape == (0, 2)


def test_wrong_offsets() -> None:
    with pytest.raises(ValueError, match=r"offsets has shape \(3,\)"):
        token_mask([1, 2, 3], [])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="not in order"):
        token_span([(3, 5), (0, 3)], 0, 1)


@given(
    st.lists(st.integers(0, 4), max_size=12), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=4)
)
def test_spans_and_masks_are_the_overlap(lengths: list[int], spans: list[tuple[int, int]]) -> None:
    offsets = offsets_of(["x" * length for length in lengths])

    def touches(token: int, start: int, end: int) -> bool:
        return bool(max(start, offsets[token, 0]) < min(end, offsets[token, 1]))

    for (start, end), found in zip(spans, token_spans(offsets, spans), strict=True):
        touched = [token for token in range(len(lengths)) if touches(token, start, end)]
        assert found == ((touched[0], touched[-1] + 1) if touched else None)
    expected = [any(touches(token, *span) for span in spans) for token in range(len(lengths))]
    assert np.array_equal(token_mask(offsets, spans), np.array(expected, dtype=bool))
