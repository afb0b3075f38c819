"""Every registered reward keeps the contract, on its own example and on hostile input."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import guerdon
from guerdon import Batch, Reward, from_spec, to_spec, to_yaml
from guerdon.combine import Combine, Part
from guerdon.errors import MissingColumn
from guerdon.registry import registered

COMPOSITE = {Combine, Part}
REWARDS = {name: cls for name, cls in registered("reward").items() if cls not in COMPOSITE}
every_reward = pytest.mark.parametrize("cls", REWARDS.values(), ids=REWARDS)

HOSTILE = [
    "",
    " \n\t ",
    "\x00",
    "\ud800",
    "a" * 20_000,
    "<think>" * 2_000,
    "</answer>" * 2_000,
    "<answer>" + "[" * 5_000,
    "\\boxed{" * 2_000,
    '{"a":' * 2_000,
    "(" * 5_000,
    "𝕬\u202e\u0301\u200d" * 200,
    "```sql\n" * 500,
    "-" * 5_000 + "1e999999",
    "SELECT " * 1_000,
]


def same(left: np.ndarray, right: np.ndarray) -> bool:
    return bool(np.allclose(left, right, rtol=0, atol=1e-9, equal_nan=True))


def honest(cls: type[Reward]) -> tuple[Reward, Batch]:
    return cls.example_reward(), cls.example().honest


@every_reward
def test_range_parts_and_notes(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    scores = reward.score(batch)
    low, high = reward.range
    assert not scores.unscored.any(), "an honest example is scored"
    assert (scores.values >= low - 1e-9).all() and (scores.values <= high + 1e-9).all()
    assert set(scores.parts) == set(reward.part_owners)


@every_reward
def test_columns_are_what_is_read(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    bare = Batch(
        batch.completions,
        batch.prompts,
        groups=batch.groups,
        completion_ids=batch.completion_ids,
        columns={name: batch[name] for name in reward.columns},
    )
    assert same(reward.score(bare).values, reward.score(batch).values), "undeclared columns are not read"
    for name in reward.columns:
        rest = {column: values for column, values in batch.columns.items() if column != name}
        with pytest.raises(MissingColumn, match=name):
            reward.score(Batch(batch.completions, batch.prompts, groups=batch.groups, columns=rest))


@every_reward
def test_permuting_the_batch_permutes_the_scores(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    values = reward.score(batch).values
    order = np.random.default_rng(0).permutation(len(batch))
    assert same(reward.score(batch.select(order)).values, values[order])


@every_reward
def test_the_batch_around_a_sample_changes_nothing(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    values = reward.score(batch).values
    ties = np.arange(len(batch)) if reward.siblings is None else batch.tie(reward.siblings)
    for tie in set(ties.tolist()):
        rows = np.flatnonzero(ties == tie)
        assert same(reward.score(batch.select(rows)).values, values[rows])


@every_reward
def test_is_data(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    again = from_spec(to_spec(reward))
    assert again == reward and hash(again) == hash(reward) and again.fingerprint == reward.fingerprint
    assert from_spec(to_yaml(reward)) == reward
    assert pickle.loads(pickle.dumps(reward)) == reward == copy.deepcopy(reward)
    assert same(pickle.loads(pickle.dumps(reward)).score(batch).values, reward.score(batch).values)
    assert reward != ("not", "a reward") and repr(reward).startswith(f"{type(reward).__name__}(")
    assert "<" not in repr(reward).replace("'<", "").split("object at")[0] or "object at" not in repr(reward)
    with pytest.raises(AttributeError):
        reward.name = "changed"  # type: ignore[misc]
    assert reward.__name__ == reward.name


@every_reward
def test_known_hacks_do_not_pay(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    values = reward.score(batch).values
    for hack, completions in cls.example().hacks.items():
        hacked = reward.score(batch.replace(completions=completions)).values
        assert not (hacked > values + 1e-9).any(), f"{hack}: {hacked} beats {values}"


@every_reward
def test_hostile_completions(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    low, high = reward.range
    rows = np.arange(len(HOSTILE)) % len(batch)
    hostile = batch.select(rows).replace(completions=HOSTILE)
    values = reward.score(hostile).values
    scored = values[~np.isnan(values)]
    assert np.isfinite(scored).all() and (scored >= low - 1e-9).all() and (scored <= high + 1e-9).all()


@every_reward
def test_empty_batch(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    assert len(reward.score(batch.select([]))) == 0


@every_reward
@settings(max_examples=15)
@given(data=st.data())
def test_any_text(cls: type[Reward], data: st.DataObject) -> None:
    reward, batch = honest(cls)
    text = st.text(max_size=60) | st.sampled_from(HOSTILE[:4])
    completions = [data.draw(text) for _ in range(len(batch))]
    chat = [[{"role": "assistant", "content": completion}] for completion in completions]
    low, high = reward.range
    plain = reward.score(batch.replace(completions=completions)).values
    scored = plain[~np.isnan(plain)]
    assert (scored >= low - 1e-9).all() and (scored <= high + 1e-9).all()
    assert same(plain, reward.score(batch.replace(completions=chat)).values), "chat and plain formats score alike"


@every_reward
def test_trainers_may_call_it(cls: type[Reward]) -> None:
    reward, batch = honest(cls)
    if reward.stateful:
        reward = reward.scorer()  # type: ignore[assignment]
    values = reward(
        prompts=list(batch.prompts or [""] * len(batch)),
        completions=list(batch.completions),
        completion_ids=[[1, 2]] * len(batch),
        **{name: list(column) for name, column in batch.columns.items()},
    )
    assert len(values) == len(batch) and all(value is None or math.isfinite(value) for value in values)


@every_reward
def test_documented(cls: type[Reward]) -> None:
    assert cls.__doc__ and ">>>" in cls.__doc__


def test_every_paper_builds_what_it_declares() -> None:
    for paper in guerdon.all_papers():
        if paper.kind != "reward" or "default" not in paper.variants:
            continue
        reward = paper.build()
        assert isinstance(reward, Reward), paper.slug
        assert set(reward.columns) == set(paper.columns), paper.slug
        assert from_spec(to_spec(reward)) == reward, paper.slug
        assert paper.range is None or reward.range == pytest.approx(paper.range), paper.slug
