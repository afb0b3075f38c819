"""Which column is what, which rows cannot be scored, and the batch of the others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Reward
from guerdon.errors import MissingColumn, UserError
from guerdon.rewards import ExactMatch, TokenF1
from guerdon.scoring.layout import Layout, find_layout, hash64
from guerdon.scoring.rows import Place, Row

GOOD = {"prompt": "q", "completion": "a", "reference": "a"}


def layout_of(records: list[dict[str, Any]], reward: Reward | None = None, **names: Any) -> Layout:
    rows = [Row(Place(i, i), record) for i, record in enumerate(records, 1)]
    given = {
        "declared": None,
        "prompt": None,
        "completion": "completion",
        "group": None,
        "added": frozenset({"reward"}),
    }
    return find_layout(reward or TokenF1(), rows, **(given | names))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, ""),
        ({"completion": ""}, ""),
        ({"completion": []}, ""),
        ({"completion": [{"role": "assistant", "content": None}]}, ""),
        ({"completion": {"role": "assistant", "content": "a"}}, ""),
        ({"completion": None}, "no completion: 'completion' is null"),
        ({"completion": math.nan}, "no completion: 'completion' is NaN"),
        ({"completion": 4}, "no completion: 'completion' is a number, not text or chat messages"),
        ({"completion": True}, "no completion: 'completion' is a boolean, not text or chat messages"),
        ({"completion": b"a"}, "no completion: 'completion' is bytes, not text or chat messages"),
        ({"completion": ["a"]}, "no completion: 'completion' is a list, not text or chat messages"),
        ({"prompt": None}, "no prompt: 'prompt' is null"),
        ({"domain": None}, "no group: 'domain' is null"),
        ({"completion_ids": None}, "no completion_ids: 'completion_ids' is null"),
        ({"completion_ids": "1 2"}, "no completion_ids: 'completion_ids' is str, not a list"),
        ({"reward": 1.0}, "the row already has 'reward', which scoring adds"),
    ],
)
def test_why_a_row_cannot_be_scored(change: dict[str, Any], fault: str) -> None:
    layout = layout_of([{**GOOD, "domain": 1, "completion_ids": [1, 2]}], group="domain")
    assert layout.fault({**GOOD, "domain": 1, "completion_ids": [1], **change}) == fault


def test_a_row_without_the_column_says_so() -> None:
    layout = layout_of([GOOD])
    assert layout.fault({"prompt": "q"}) == "no completion: the row has no 'completion'"
    assert layout.fault({"completion": "a"}) == "no prompt: the row has no 'prompt'"


def test_the_layout_of_data_without_prompts() -> None:
    layout = layout_of([{"completion": "a", "reference": "b"}])
    assert layout.prompt is None
    rows = [Row(Place(i, i), {"completion": "a", "reference": "b"}) for i in (1, 2)]
    assert len({layout.group_key(row) for row in rows}) == 2
    assert layout.batch([row.record for row in rows]).prompts is None


def test_the_batch_has_every_column_that_is_read_and_none_under_a_reserved_name() -> None:
    layout = layout_of([{**GOOD, "step": 3, "completion_ids": [1]}])
    batch = layout.batch([{"prompt": "q", "completion": "a", "completion_ids": [1, 2], "step": 3, "more": 1}], step=7)
    assert batch["reference"] == (None,)
    assert batch["more"] == (1,)
    assert batch.completion_ids == ([1, 2],)
    assert batch.step == 7
    assert set(batch.columns) == {"reference", "more"}


def test_groups_come_from_their_column() -> None:
    layout = layout_of([{**GOOD, "task": "x"}], group="task")
    batch = layout.batch([{**GOOD, "task": t} for t in ("x", ["y"], "x")])
    assert batch.groups.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"completion": "compl"}, "--completion 'compl' is not a column of the data; did you mean 'completion'?"),
        (
            {"prompt": "question"},
            "--prompt 'question' is not a column of the data; Choices: completion, prompt, reference",
        ),
        ({"group": "task"}, "--group 'task' is not a column of the data"),
        ({"added": frozenset({"reference"})}, "the data already has the column 'reference', which scoring adds; call"),
    ],
)
def test_columns_that_are_not_there_are_errors(names: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as found:
        layout_of([GOOD], **names)
    assert str(found.value).startswith(message)


def test_a_column_that_the_reward_reads_must_be_in_some_row() -> None:
    with pytest.raises(MissingColumn, match=r"reward 'exact_match' needs column 'answer' .*columns present: reference"):
        layout_of([GOOD], TokenF1() + ExactMatch(reference="answer"))
    assert layout_of([GOOD, {**GOOD, "answer": 1}], ExactMatch(reference="answer")).reads == {"answer"}
    assert layout_of([], declared=("completion", "reference")).reads == {"reference"}


def test_a_group_reward_needs_groups() -> None:
    reward = TokenF1().then("zscore")
    with pytest.raises(UserError, match=r"compares the completions of one prompt, and the data has no column 'prompt'"):
        layout_of([{"completion": "a", "reference": "a"}], reward)
    assert layout_of([{"completion": "a", "reference": "a", "id": 1}], reward, group="id").group == "id"


def test_keys_are_equal_where_the_core_sees_one_group() -> None:
    values = ["1", 1, 1.0, True, None, "null", [1], "[1]", {"a": 1, "b": 2}, {"b": 2, "a": 1}, "é", 2**70, 0.5]
    groups = Batch([""] * len(values), values).groups
    keys = [hash64(value) for value in values]
    equal = np.array(keys)[:, None] == np.array(keys)[None, :]
    assert (equal == (groups[:, None] == groups[None, :])).all()
    assert hash64("stable") == 0x4758FA283702D033
