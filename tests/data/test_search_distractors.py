"""Chains of linked pages, and distractors from an agent's log."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from guerdon.data.search_distractors import Tiers, distractor_tiers, entity_chain, filled_context, walk


def test_chains_and_distractors() -> None:
    links = {"a": ["b", "c"], "b": ["c"], "c": ["a", "d"], "d": []}
    for seed in range(20):
        chain = entity_chain(links, Random(seed), shortest=2, longest=3)
        assert 3 <= len(chain) <= 4 and len(set(chain)) == len(chain)
        assert all(after in links[before] for before, after in pairwise(chain))
    assert walk(links, "d", 4, Random(0)) == ["d"]
    with pytest.raises(ValueError, match="no walk"):
        entity_chain({"a": []}, Random(0))
    tiers = distractor_tiers(["p", "q", "r", "s", "q"], ["q", "r", "q"], ["r"], gold=["p"])
    assert tiers == Tiers(("q",), ("s",))
    sizes = {"g": 5, "q": 4, "s": 9, "t": 1}
    context = filled_context(["g"], Tiers(("q",), ("s", "t")), 10, Random(0), length=sizes.__getitem__)
    assert sorted(context) == ["g", "q", "t"]
    with pytest.raises(ValueError, match="budget"):
        filled_context(["g"], tiers, 4, Random(0), length=lambda _: 5)
