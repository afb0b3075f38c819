"""Advantages of steps: by hand, and GRPO's own where each sample has one reward."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.shaping.advantages import grpo_advantage
from guerdon.shaping.step_advantages import return_advantages, step_advantages

NAN = float("nan")


def test_what_is_still_to_come() -> None:
    rows = return_advantages([[1.0, 2.0], [4.0]], [[1, 3], [2]], [4, 3], [0, 0], scale="none")
    assert rows[0].tolist() == [-0.5, -0.5, 1.0, 1.0]  # 3 - 3.5 before the first reward, 2 - (2 + 0) / 2 after it
    assert rows[1].tolist() == [0.5, 0.5, 0.5]


def test_tokens_after_the_last_reward_are_held_to_what_siblings_still_get() -> None:
    rows = return_advantages([[1.0], [1.0, 3.0]], [[0], [0, 2]], [3, 3], [0, 0], scale="none")
    assert rows[0].tolist() == [-1.5, -1.5, -1.5] and rows[1].tolist() == [1.5, 1.5, 1.5]


def test_unscored_samples_take_no_part() -> None:
    rows = return_advantages([[1.0], [NAN], [3.0]], [[0], [1], [1]], [1, 2, 2], [0, 0, 0], scale="none")
    assert [row.tolist() for row in rows] == [[-1.0], [0.0, 0.0], [1.0, 1.0]]
    steps = step_advantages([[1.0, NAN], [3.0], []], [0, 0, 0], scale="none")
    assert [row.tolist() for row in steps] == [[-1.0, 0.0], [1.0], []]


@given(
    st.lists(st.floats(-5, 5), min_size=4, max_size=12).map(lambda v: v[: len(v) // 2 * 2]),
    st.sampled_from(["group", "none"]),
)
def test_one_reward_each_is_grpo(values: list[float], scale: str) -> None:
    groups = np.arange(len(values)) // 2
    lengths = [1 + i % 3 for i in range(len(values))]
    ends = [[length - 1] for length in lengths]
    centred = np.array(values) - np.repeat(np.reshape(values, (-1, 2)).mean(1), 2)
    want = grpo_advantage(values, groups, eps=1e-4) if scale == "group" else centred
    rows = return_advantages([[v] for v in values], ends, lengths, groups, scale=scale)  # type: ignore[arg-type]
    for row, length, each in zip(rows, lengths, want.tolist(), strict=True):
        assert row.tolist() == pytest.approx([each] * length, abs=1e-6)
    steps = step_advantages([[v] for v in values], groups, scale=scale)  # type: ignore[arg-type]
    assert np.concatenate(steps).tolist() == pytest.approx(want.tolist(), abs=1e-6)


def test_nothing_at_all() -> None:
    assert return_advantages([], [], [], []) == [] and step_advantages([], []) == []
    assert return_advantages([[]], [[]], [2], [0])[0].tolist() == [0.0, 0.0]


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"positions\[0\] has 1 entries for 2"):
        return_advantages([[1.0, 2.0]], [[0]], [2], [0])
    with pytest.raises(ValueError, match="ordered within"):
        return_advantages([[1.0, 2.0]], [[1, 0]], [2], [0])
    with pytest.raises(ValueError, match="scale='all' is unknown"):
        step_advantages([[1.0]], [0], scale="all")  # type: ignore[arg-type]
