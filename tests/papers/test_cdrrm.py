"""CDRRM: parsers on odd input, what default and official variant do with labels, and swaps."""

from __future__ import annotations

import json

import pytest

from guerdon import find_paper
from guerdon.errors import UserError
from guerdon.papers.cdrrm import (
    clean_rubric,
    diagnosis_errors,
    extract_json,
    format_rubric_text,
    judge_metrics,
    normalise_pair,
    rubric_errors,
    self_consistent,
)
from guerdon.rubric import rubric_of
from guerdon.rubrics.consistency import Consistency


def test_variants() -> None:
    default, official = find_paper("cdrrm").build(), find_paper("cdrrm").build("official")
    assert default.consistency == Consistency() and default.shuffled and not default.self_report
    assert official.self_report and not official.shuffled and official.consistency is None


def test_pairs() -> None:
    row = {"instruction": "i", "response_a": "x", "response_b": "y", "winner": "RESPONSE_B"}
    assert normalise_pair(row, 3) == {
        "instruction": "i",
        "chosen": "y",
        "rejected": "x",
        "instruction_id": "inst_4",
        "pair_id": "line_4",
        "instruction_keypoints": None,
    }
    with pytest.raises(UserError, match="must be A or B"):
        normalise_pair({**row, "winner": "tie"}, 0)
    assert normalise_pair({**row, "winner": "tie"}, 0, variant="official")["chosen"] == "x"  # type: ignore[index]
    for lacking in ({**row, "instruction": ""}, {**row, "response_b": " "}, {"instruction": "i", "chosen": "c"}, {}):
        assert normalise_pair(lacking, 0, variant="official") is None


def test_validators_count_every_fault() -> None:
    assert diagnosis_errors("none", "best", "") == 3
    assert diagnosis_errors([{"status": "fail", "severity": -1}], "chosen", "i") == 4
    assert diagnosis_errors([{"status": "pass", "claim": "c", "instruction_anchor": "a"}], "rejected", "i") == 0
    assert rubric_errors(None, "i", "") == 2
    assert rubric_errors({"hard_rules": [{}, "x"], "principles": [{}]}, "i", "p") == 4 + 1 + 2
    rule = {"rule_id": "r", "type": "must", "criterion": "c", "test": "t"}
    for expected, errors in (("chosen", 0), (" b ", 0), ("", 0), (None, 0), ("tie", 1)):
        assert (
            rubric_errors({"hard_rules": [rule], "pair_consistency_check": {"expected_winner": expected}}, "i", "p")
            == errors
        )


def test_self_report() -> None:
    for said, kept in (
        ({"expected_winner": None, "rubric_predicts": "A"}, False),
        ({"expected_winner": "A"}, True),
        ("x", True),
    ):
        assert self_consistent(said) is kept
    assert not self_consistent({"expected_winner": None, "rubric_predicts": None})
    assert not self_consistent({"expected_winner": "tie", "rubric_predicts": "tie"})


def test_json_and_text() -> None:
    assert extract_json('```\n{"a": 1}\n``` and {') == {"a": 1} and extract_json("") is None
    assert extract_json("[" * 100_000) is None
    nested = json.dumps({"hard_rules": [{"criterion": "short"}], "principles": ["kind"]})
    assert "1. short" in format_rubric_text(f"Here: {nested} done.")
    assert "Failed to parse" in format_rubric_text(f"{{see}} {nested}"), "a stray brace hides nested rules"
    assert "1. be short" in format_rubric_text('{see} {"hard_rules": ["be short"]}')
    rubric = rubric_of(format_rubric_text(nested))
    assert rubric is not None and [c.kind for c in rubric.criteria] == ["hard", "soft"]
    assert clean_rubric({"hard_rules": None}) == {"hard_rules": [], "principles": []}
    assert judge_metrics([], []) == {"num_samples": 0.0, "acc_all": 0.0, "acc_parseable": 0.0, "parse_rate": 0.0}
