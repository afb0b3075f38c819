"""Specifications: round trips, hashes, and everything that must be refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Column, Gate, Reward, Router, Schedule, Sum, from_spec, to_spec, to_yaml
from guerdon.errors import CompositionError, GuerdonError, SpecError, UserError
from guerdon.models.chat import ScriptedChat
from guerdon.models.judge import ScriptedProtocol
from guerdon.rewards import Choice, Cosine, ExactMatch, Judged, LengthFloor, RougeL, Tags, TokenF1

LEAVES = [
    ExactMatch(),
    TokenF1(reference="answer"),
    RougeL(),
    Tags("think", "answer", strict=False),
    Choice(),
    LengthFloor(7),
]
JUDGE = Judged(ScriptedChat({"a": "score: 1"}), ScriptedProtocol(names=("helpful",)))


def trees() -> st.SearchStrategy[Reward]:
    weights = st.sampled_from([0.5, 2.0, -1.0])
    leaf = st.sampled_from(LEAVES)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, weights).map(lambda t: t[0] * t[1]),
            inner.map(lambda r: r.then("clip", low=-1.0, high=1.0)),
            inner.map(lambda r: r.then("zscore")),
            inner.map(lambda r: Router("domain", {"a": r, "b": r})),
            st.tuples(inner, inner).map(lambda t: Gate(t[0], t[1], otherwise=-1.0)),
            st.tuples(inner, inner).map(lambda t: Sum(*t, missing="drop")),
        ),
        max_leaves=5,
    )


@given(trees())
def test_any_composition_round_trips(reward: Reward) -> None:
    again = from_spec(to_yaml(reward))
    assert again == reward and again.fingerprint == reward.fingerprint and repr(again) == repr(reward)


@pytest.mark.parametrize(
    "reward",
    [
        JUDGE,
        Gate(JUDGE.part("helpful"), JUDGE),
        ExactMatch() * Schedule("linear", {"start": 0.0, "end": 1.0, "steps": 10}),
        ExactMatch().then("log_sigmoid", reference=Column("reference_score")),
        Cosine(encoder="char-ngram") + 0.5 * Tags("a", name="form"),
    ],
    ids=repr,
)
def test_models_and_markers_round_trip(reward: Reward) -> None:
    assert from_spec(to_yaml(reward)) == reward


def test_the_hash_is_stable_between_processes_and_sees_every_field() -> None:
    code = "from guerdon.rewards import *; print((ExactMatch() + 0.5 * Tags('a')).fingerprint)"
    seeds = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert seeds[0] == seeds[1] == (ExactMatch() + 0.5 * Tags("a")).fingerprint
    assert len({r.fingerprint for r in (Tags("a"), Tags("b"), Tags("a", strict=False), Tags("a", name="x"))}) == 4


def test_a_paper_by_name(tmp_path: Path) -> None:
    reward = from_spec("paper:shaping-explanations")
    assert reward == from_spec({"paper": "shaping-explanations"})
    rouge = from_spec({"paper": "shaping-explanations", "variant": "rouge"})
    assert "rouge_l" in rouge.part_owners
    file = tmp_path / "reward.yaml"
    file.write_text(to_yaml(reward))
    assert from_spec(str(file)) == from_spec(file) == reward


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"reward": "cosin"}, "did you mean 'cosine'"),
        ({"reward": "tags", "tag": ["a"]}, "has no field 'tag'; did you mean 'tags'"),
        ({"reward": "tags"}, "cannot be made"),
        ({"reward": "exact_match", "of": "answr"}, "of='answr' is unknown"),
        ({"reward": "cosine", "encoder": "no-such-encoder!"}, "no-such-encoder"),
        ("paper:shaping-explanation", "did you mean 'shaping-explanations'"),
        ({"paper": "shaping-explanations", "variant": "rouges"}, "did you mean 'rouge'"),
        ({"paper": "shaping-explanations", "colour": 1}, "cannot be built"),
        ({"module": "os", "function": "system"}, "describes no reward|FrozenDict|dict"),
        ("just words", "describes no reward"),
        ("reward: [unclosed", "not readable YAML"),
        ("!!python/object/apply:os.system ['true']", "not readable YAML"),
        ("missing-file.yaml", "cannot be read"),
        ({"reward": "combine", "terms": [{"reward": "exact_match"}], "rule": "clipp"}, "did you mean 'clip'"),
        ({"reward": "combine", "terms": [3], "rule": "product"}, "must be rewards"),
        ({1: 2}, "must be text"),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_clear_error(spec: object, message: str) -> None:
    with pytest.raises((SpecError, CompositionError, UserError), match=message):
        from_spec(spec)


def test_hostile_yaml_is_refused_quickly() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    with pytest.raises(GuerdonError):
        from_spec(bomb)
    with pytest.raises(GuerdonError):
        from_spec("[" * 3000)
    deep: object = {"reward": "exact_match"}
    for _ in range(200):
        deep = {"reward": "combine", "rule": "minimum", "terms": [deep]}
    with pytest.raises(SpecError, match="nested deeper"):
        from_spec(deep)


def test_unregistered_things_are_not_written() -> None:
    class Mine(Reward):
        pass

    with pytest.raises(SpecError, match="not registered"):
        to_spec(Mine())
