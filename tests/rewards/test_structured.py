"""JSON that keeps to a schema."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from guerdon import Batch
from guerdon.errors import MissingExtra, UserError
from guerdon.rewards import JSONSchema, structured
from guerdon.scores import Outcome, Scores
from guerdon.text.json_schema import check_schema, is_quick, stated_json
from guerdon.text.json_text import NOT_JSON

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
REDOS = {"type": "string", "pattern": "^(a+)+$"}


def outcome(scores: Scores, row: int = 0) -> Outcome:
    (notes,) = scores.notes.values()
    note = notes[row]
    return Outcome.SCORED if note is None else note.outcome


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ('{"city": "Rome"}', 1.0),
        ('<think>{"city": 1}</think>{"city": "Rome"}', 1.0),
        ('Sure:\n```json\n{"city": "Rome"}\n```\nDone.', 1.0),
        ('Sure: {"city": "Rome"}.', 1.0),
        ('{"city": 1} or {"city": "Rome"}', 1.0),
        ('{"city": "Rome"} or {"city": 1}', 0.0),
        ('{"city": 1}', 0.0),
        ("{}", 0.0),
        ('["city"]', 0.0),
        ('"Rome"', 0.0),
        ("null", 0.0),
        ('{"city": "Rome"', 0.0),
        ("Rome", 0.0),
        ("", 0.0),
        ('```json\n{"city": \n```\n{"city": "Rome"}', 0.0),
    ],
)
def test_json_that_keeps_to_the_schema(completion: str, expected: float) -> None:
    assert JSONSchema(CITY).score(Batch([completion])).values.tolist() == [expected]


def test_bare_json_is_all_of_the_text() -> None:
    completions = ['{"city": "Rome"}', 'Here: {"city": "Rome"}']
    assert JSONSchema(CITY, bare=True).score(Batch(completions)).values.tolist() == [1.0, 0.0]


def test_a_schema_per_sample() -> None:
    schemas = [CITY, json.dumps(CITY), {"type": "array"}, None, "", "not json", {"type": "nonsense"}, 7]
    scores = JSONSchema(schema_column="schema").score(Batch(['{"city": "Rome"}'] * 8, schema=schemas))
    assert scores.values[:3].tolist() == [1.0, 1.0, 0.0] and all(math.isnan(v) for v in scores.values[3:])
    assert {outcome(scores, i) for i in range(3, 8)} == {Outcome.MISSING_DATA}


def test_notes_say_what_is_wrong() -> None:
    scores = JSONSchema(CITY).score(Batch(['{"city": 1}', "Rome"]))
    notes = scores.notes["json_schema"]
    assert notes[0] is not None and "city: 1 is not of type 'string'" in notes[0].message
    assert outcome(scores, 1) is Outcome.MALFORMED


def test_patterns_that_explode_are_timed_out() -> None:
    reward = JSONSchema(REDOS, deadline=0.5)
    scores = reward.score(Batch([json.dumps("a" * 5000), json.dumps("a" * 60 + "!"), '"aaa"']))
    assert math.isnan(scores.values[1]) and outcome(scores, 1) is Outcome.TIMED_OUT
    assert scores.values[2] == 1.0


def test_references_are_never_fetched() -> None:
    remote = {"$ref": "http://127.0.0.1:9/schema.json"}
    scores = JSONSchema(schema_column="schema").score(Batch(["{}"], schema=[remote]))
    assert math.isnan(scores.values[0]) and outcome(scores) is Outcome.MISSING_DATA
    endless = {"$ref": "#"}
    assert JSONSchema(endless).score(Batch(["{}"])).values.tolist() == [0.0]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"schema": CITY, "schema_column": "schema"}, {"schema": CITY, "deadline": 0.0}],
)
def test_options_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"schema|deadline"):
        JSONSchema(**wrong)


def test_a_schema_that_is_none_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="no usable JSON Schema"):
        JSONSchema({"type": "nonsense"}).score(Batch(["{}"]))


def test_jsonschema_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    structured._check_jsonschema.cache_clear()
    monkeypatch.setattr(structured.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"guerdon\[text\]"):
        JSONSchema(CITY).score(Batch(["{}"]))


def test_which_json_is_stated() -> None:
    assert stated_json("[1] then {}") == {}
    assert stated_json("```\nno\n``` {}") == {}
    assert stated_json("nothing") is NOT_JSON
    assert stated_json("null") is None


def test_only_what_cannot_explode_is_quick() -> None:
    assert is_quick('{"type": "string"}', '"a"')
    assert not is_quick('{"type": "string"}', json.dumps("a" * 5000))
    assert not is_quick('{"uniqueItems": true}', "[]")


def test_drafts_are_those_the_schema_names() -> None:
    old = '{"$schema": "http://json-schema.org/draft-04/schema#", "type": "number", "maximum": 5, "exclusiveMaximum": true}'
    assert check_schema((old, "4"))[0] == "valid" and check_schema((old, "5"))[0] == "invalid"
