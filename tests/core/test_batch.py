"""Batch: columns, groups, selection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch
from guerdon.errors import MissingColumn, UserError


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_groups_come_from_equal_prompts_wherever_they_stand() -> None:
    batch = Batch(["1", "2", "3", "4"], ["a", "b", "a", "b"])
    assert batch.groups.tolist() == [0, 1, 0, 1]
    assert Batch(["1", "2"], [chat("a"), chat("a")]).groups.tolist() == [0, 0]
    assert Batch(["1", "2"]).groups.tolist() == [0, 1], "without prompts every sample stands alone"
    assert Batch(["1", "2"], ["a", "a"], groups=["x", "y"]).groups.tolist() == [0, 1]
    assert Batch(["1", "2"], ["a", "b"], groups=np.array([7, 7])).groups.tolist() == [0, 0]


def test_groups_survive_selection_and_given_ones_concatenation() -> None:
    batch = Batch(["1", "2", "3"], ["a", "b", "a"])
    assert batch.select([2, 0]).groups.tolist() == [0, 0]
    assert batch.select([False, True, True]).completions == ("2", "3")
    derived = Batch.concat([Batch(["1"], ["a"]), Batch(["2"], ["a"])])
    assert derived.groups.tolist() == [0, 0]
    given = Batch.concat([Batch(["1"], ["a"], groups=[0]), Batch(["2"], ["a"], groups=[0])])
    assert given.groups.tolist() == [0, 1], "the number 0 of two batches is not one group"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"completions": ["a"], "prompts": ["p", "q"]}, "prompts has 2 values for 1 completions"),
        ({"completions": ["a"], "answer": ["x", "y"]}, "answer has 2 values"),
        ({"completions": ["a"], "answer": "x"}, "answer='x' must be a sequence"),
        ({"completions": ["a"], "groups": [1, 2]}, "groups has 2 values"),
        ({"completions": ["a"], "columns": {"groups": [1]}}, "'groups' is reserved"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Batch(**arguments)


def test_a_missing_column_says_who_wants_it_and_what_is_there() -> None:
    with pytest.raises(MissingColumn) as caught:
        Batch(["a"], answer=["x"]).column("reference", reward="cosine", expected="text")
    assert str(caught.value) == (
        "reward 'cosine' needs column 'reference' (text), which the batch does not have; columns present: answer. "
        "Add it to the dataset or point the reward at another column."
    )


def test_records_there_and_back() -> None:
    rows = [{"prompt": "p", "completion": "c", "answer": 1}, {"prompt": "p", "completion": "d"}]
    batch = Batch.from_records(rows, group="answer")
    assert batch["answer"] == (1, None) and batch.groups.tolist() == [0, 1]
    assert next(iter(Batch.from_records(rows).records())) == rows[0]
    with pytest.raises(UserError, match="'completion' is not a key"):
        Batch.from_records([{"text": "c"}])
    assert len(Batch.from_records([])) == 0


def test_texts_read_chat_and_plain_alike() -> None:
    plain = Batch(["<think>hm</think><answer>4</answer>"])
    said = Batch([[{"role": "assistant", "content": "<think>hm</think><answer>4</answer>"}]])
    for of in ("whole", "visible", "thinking", "answer", "<answer>", "<proof>"):
        assert plain.texts(of) == said.texts(of)
    assert plain.texts("answer") == ("4",) and plain.texts("<proof>") == (None,)


def test_ties_by_column() -> None:
    batch = Batch(["1", "2", "3"], pair=[{"id": 1}, {"id": 2}, {"id": 1}])
    assert batch.tie("pair").tolist() == [0, 1, 0]
    assert batch.tie("batch").tolist() == [0, 0, 0]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=5)), max_size=12))
def test_by_group_partitions_the_rows(samples: list[tuple[str, str]]) -> None:
    batch = Batch([text for _, text in samples], [prompt for prompt, _ in samples])
    parts = list(batch.by_group())
    assert sorted(int(i) for rows in parts for i in rows) == list(range(len(batch)))
    assert all(len({samples[i][0] for i in rows}) == 1 for rows in parts)
    firsts = [int(rows[0]) for rows in parts]
    assert firsts == sorted(firsts)
