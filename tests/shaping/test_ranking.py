"""Ranking: by hand, and what moves NDCG."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.ranking import dcg, f_beta, ndcg

pages = st.lists(st.sampled_from("abcdef"), max_size=8)


@given(pages, st.sets(st.sampled_from("abc"), min_size=1), st.data())
def test_earlier_is_never_worse(retrieved: list[str], relevant: set[str], data: st.DataObject) -> None:
    listed, wanted = list(dict.fromkeys(retrieved)), sorted(relevant)
    before = ndcg(listed, wanted)
    assert 0.0 <= before <= 1.0
    hits = [i for i, page in enumerate(listed) if page in relevant and i > 0]
    if hits:
        i = data.draw(st.sampled_from(hits))
        earlier = [*listed[: i - 1], listed[i], listed[i - 1], *listed[i + 1 :]]
        assert ndcg(earlier, wanted) >= before - 1e-12
    assert ndcg([*listed, "z"], wanted) == pytest.approx(before), "irrelevant pages at the end cost nothing"
    assert (before > 1 - 1e-9) == (set(listed[: len(wanted)]) == relevant)
    assert ndcg(listed + listed, wanted) == pytest.approx(before), "what is listed twice counts once"


def test_ranking_by_hand() -> None:
    assert dcg([]) == 0.0 and dcg([1, 0, 1]) == pytest.approx(1.5)
    assert ndcg(["n", "m", "a"], ["a", "b"]) == pytest.approx(0.3066, abs=1e-4)
    assert ndcg(["a"], []) == ndcg([], []) == 0.0
    assert f_beta([1, 2], [2, 3], beta=1) == pytest.approx(0.5) and f_beta([], [1], beta=2) == 0.0
    with pytest.raises(ValueError, match="beta"):
        f_beta([1], [1], beta=0)
