"""The rubric as data: what it accepts, files, hash, rendering and the texts that models write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import from_spec, to_spec
from guerdon.errors import UserError
from guerdon.rubric import Criterion, Rubric, load_rubric, rubric_of, rubric_yaml, save_rubric, validated

HARD = Criterion("short", "The response has at most 50 words.", kind="hard")
SOFT = Criterion("kind", "The response is kind.", weight=2.0, scope="chat")
RUBRIC = Rubric((HARD, SOFT), name="manners", version="2")

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1, max_size=40).filter(
    str.strip
)
criteria = st.builds(
    lambda text, weight, kind, scope: {"text": text, "weight": weight, "kind": kind, "scope": scope},
    texts,
    st.floats(0, 10),
    st.sampled_from(["hard", "soft"]),
    st.sampled_from(["", "code", "chat"]),
)
rubrics = st.lists(criteria, min_size=1, max_size=5).map(lambda many: validated({"criteria": many}))


@given(rubric=rubrics)
def test_it_round_trips(rubric: Rubric) -> None:
    assert validated(rubric.as_dict()) == rubric == rubric_of(json.dumps(rubric.as_dict()))
    assert from_spec(to_spec(rubric)) == rubric and hash(rubric) == hash(from_spec(to_spec(rubric)))


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_files_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rubric{suffix}"
    save_rubric(RUBRIC, path)
    assert load_rubric(path) == RUBRIC


def test_the_hash_is_of_the_criteria() -> None:
    assert Rubric((HARD, SOFT)).fingerprint == RUBRIC.fingerprint
    assert Rubric((SOFT, HARD)).fingerprint != RUBRIC.fingerprint
    heavier = Criterion("kind", "The response is kind.", weight=3.0, scope="chat")
    assert Rubric((HARD, heavier)).fingerprint != RUBRIC.fingerprint
    assert RUBRIC.fingerprint == "31bd63311d07e67c", "it must be the same in every process and release"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"criteria": []}, "criteria is empty"),
        ({"criteria": [{"text": " ", "id": "a"}]}, "criterion 'a' must be a text"),
        ({"criteria": [{"text": "a", "weight": "2"}]}, r"criteria\[0\].weight: Input should be a valid number"),
        ({"criteria": [{"text": "a", "weight": float("inf")}]}, "must be a finite number"),
        ({"criteria": [{"text": "a", "kind": "must"}]}, r"criteria\[0\].kind: Input should be 'hard' or 'soft'"),
        ({"criteria": [{"text": "a", "wieght": 1}]}, r"criteria\[0\].wieght: Extra inputs"),
        ({"criteria": ["a", {"id": "c1", "text": "b"}]}, "the id 'c1' twice"),
        ({"criteria": [{"id": "a/b", "text": "b"}]}, "letters, digits"),
        ({"criteria": [{"text": "a", "kind": "hard", "weight": -1}]}, "must not be negative"),
        ({"criterion": ["a"]}, "criteria: Field required"),
        (["a"], "valid dictionary"),
    ],
)
def test_what_is_no_rubric_is_told(data: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        validated(data)


def test_bad_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("criteria: [")
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.yaml").write_text("!!python/object/apply:os.system ['true']")
    for name, message in (
        ("a.yaml", "not readable YAML"),
        ("a.json", "not readable JSON"),
        ("b.yaml", "not readable YAML"),
        ("none.yaml", "cannot be read"),
        ("a.txt", "must be a"),
    ):
        with pytest.raises(UserError, match=message):
            load_rubric(tmp_path / name)
    with pytest.raises(UserError, match="must be a"):
        save_rubric(RUBRIC, tmp_path / "a.txt")


def test_renderings_are_read_back() -> None:
    assert RUBRIC.render() == "1. The response has at most 50 words. (must)\n2. The response is kind."
    tagged = "1. The response has at most 50 words. [Hard Rule]\n2. The response is kind. [Principle]"
    assert RUBRIC.render("tagged") == tagged
    for style in ("tagged", "sections"):
        again = Rubric.from_text(RUBRIC.render(style))
        assert [(c.text, c.kind) for c in again.criteria] == [(c.text, c.kind) for c in RUBRIC.criteria]
    with pytest.raises(UserError, match="style"):
        RUBRIC.render("loud")  # type: ignore[arg-type]


def test_a_column_may_hold_it_in_any_form() -> None:
    said = ["The response is kind."]
    for value in (
        Rubric(tuple(said)),  # type: ignore[arg-type]
        {"criteria": said},
        said,
        [{"text": said[0]}],
        json.dumps({"criteria": said}),
        json.dumps(said),
        "1. The response is kind. [Principle]",
        "- The response is kind.",
        json.dumps({"hard_rules": [], "principles": [{"description": said[0]}]}),
    ):
        rubric = rubric_of(value)
        assert rubric is not None and [c.text for c in rubric.criteria] == said
    assert [rubric_of(value) for value in (None, "", " ", [], ())] == [None] * 5
    with pytest.raises(UserError, match="no criterion"):
        rubric_of("be good")
    with pytest.raises(UserError, match=r"rubric\[3\]"):
        rubric_of([3], name="rubric[3]")


def test_parts_of_it() -> None:
    assert RUBRIC.scopes == ("chat",) and RUBRIC.within("code") == (HARD,) and RUBRIC.within("chat") == (HARD, SOFT)
    assert RUBRIC.keeping(["kind"], version="3").version == "3"
    with pytest.raises(UserError, match="did you mean 'kind'"):
        RUBRIC["kinds"]
    assert "name: manners" in rubric_yaml(RUBRIC)


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "examples" / "rubrics").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_examples_are_valid(path: Path) -> None:
    rubric = load_rubric(path)
    assert rubric.name == path.stem and any(criterion.kind == "hard" for criterion in rubric.criteria)
