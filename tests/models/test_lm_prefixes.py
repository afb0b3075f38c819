"""Which rows share a beginning, and the store of beginnings."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from guerdon.models.lms.prefixes import Prefix, PrefixStore, common_length, prefix_groups

ROWS = st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=6).map(tuple), min_size=1, max_size=6)


def saving(groups: list[tuple[int, list[int]]]) -> int:
    return sum((len(members) - 1) * length for length, members in groups)


@given(ROWS, st.data())
def test_groups_share_what_they_say_and_save_as_much_as_the_best_single_one(
    rows: list[tuple[int, ...]], data: st.DataObject
) -> None:
    most = [data.draw(st.integers(0, len(row))) for row in rows]
    groups = prefix_groups(rows, most, least=1)
    assert sorted(i for _, members in groups for i in members) == list(range(len(rows)))
    for length, members in groups:
        assert all(length <= most[i] for i in members)
        assert len({rows[i][:length] for i in members}) == 1
    beginnings = {row[:n] for row, end in zip(rows, most, strict=True) for n in range(1, end + 1)}
    sharing = {p: sum(row[:end][: len(p)] == p for row, end in zip(rows, most, strict=True)) for p in beginnings}
    assert saving(groups) >= max((len(p) * (n - 1) for p, n in sharing.items()), default=0)


def test_groups_of_several_prompts_under_one_system_prompt() -> None:
    rows = [(0,) * 20 + (prompt,) * 10 + (i,) for prompt in (1, 2) for i in range(10, 14)] + [(5, 6, 7)]
    groups = prefix_groups(rows, [len(row) - 1 for row in rows])
    assert sorted((n, sorted(m)) for n, m in groups) == [(0, [8]), (30, [0, 1, 2, 3]), (30, [4, 5, 6, 7])]


def test_thousands_of_nested_beginnings() -> None:
    rows = [tuple(range(i + 1)) for i in range(2000)]
    groups = prefix_groups(rows, [len(row) - 1 for row in rows])
    assert sum(len(members) for _, members in groups) == 2000


def made(ids: list[int]) -> Prefix:
    keys = torch.tensor(ids, dtype=torch.float32).reshape(1, -1, 1)
    return Prefix(np.array(ids), ((keys, keys + 0.5),))


def test_the_store_finds_the_longest_beginning() -> None:
    store = PrefixStore(10_000, least=2)
    assert store.longest(np.array([1, 2, 3])) is None
    store.add(made([1, 2, 3, 4]))
    whole = store.longest(np.array([1, 2, 3]))
    assert whole is not None
    assert whole.ids.tolist() == [1, 2, 3]
    assert whole.layers[0][1].flatten().tolist() == [1.5, 2.5, 3.5]
    part = store.longest(np.array([1, 2, 9, 9]))
    assert part is not None
    assert len(part) == 2
    assert store.longest(np.array([1, 9])) is None
    assert (store.hits, store.misses, store.tokens) == (2, 2, 5)


def test_the_store_keeps_to_its_bytes_and_drops_the_oldest() -> None:
    store = PrefixStore(2 * made([1, 2, 3]).nbytes, least=1)
    for start in (10, 20, 30):
        store.add(made([start, 2, 3]))
        store.longest(np.array([10]))
    assert len(store) == 2
    assert store.longest(np.array([10])) is not None
    assert store.longest(np.array([20])) is None
    store.add(made(list(range(40, 60))))
    assert len(store) == 2
    store.clear()
    assert (len(store), store.nbytes) == (0, 0)


def test_a_longer_prefix_takes_the_place_of_those_it_continues() -> None:
    store = PrefixStore(10_000, least=1)
    store.add(made([1, 2]))
    store.add(made([1, 2, 3]))
    assert len(store) == 1
    assert store.nbytes == made([1, 2, 3]).nbytes


def test_common_length() -> None:
    assert common_length(np.array([], dtype=np.int64), np.array([1])) == 0
    assert common_length(np.array([1, 2]), np.array([1, 2])) == 2
