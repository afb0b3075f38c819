"""How judges' replies are read."""

from __future__ import annotations

import pytest

from guerdon.errors import UserError
from guerdon.models.protocols.relevance import StepRelevance, read_relevance
from guerdon.models.protocols.score_of_max import read_process_score
from guerdon.models.protocols.true_false import TrueFalse, read_truth


@pytest.mark.parametrize(
    ("reply", "default", "official"),
    [
        ("Relevance: 0.70", 0.7, 0.7),
        ("relevance: 1", 1.0, 1.0),
        ("Relevance: 0.123", 0.123, 0.12),
        ("Relevance: 0.9\n- Relevance: 0.2 for the first", 0.9, 0.2),
        ("Relevance: 85%", 0.85, 1.0),
        ("Relevance: 7", None, 1.0),
        ("**Relevance:** 0.5", 0.5, None),
        ("I say relevance: 0.4", 0.4, 0.4),
        ("none", None, None),
    ],
)
def test_reading_relevance(reply: str, default: float | None, official: float | None) -> None:
    assert read_relevance(reply) == default and read_relevance(reply, variant="official") == official


@pytest.mark.parametrize(
    ("reply", "default", "official"),
    [
        ("Final answer: True", True, True),
        ("Final answer: True.", True, False),
        ("**Final answer: True**", True, False),
        ("Final answer: False\nFinal answer: true", True, True),
        ("Final answer: maybe", None, False),
        ("  Final answer: False", False, False),
        ("true", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_reading_truth(reply: str | None, default: bool | None, official: bool) -> None:
    assert read_truth(reply) is default and read_truth(reply, variant="official") is official


def test_protocols_check_their_fields() -> None:
    for wrong in (StepRelevance, TrueFalse):
        with pytest.raises(UserError, match="variant"):
            wrong(variant="strict")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("<final_score>1,2</final_score><final_score>4,4</final_score>", 1.0),
        ("<final_score> 1_0 ,\n+20 </final_score>", 0.5),
        ("<final_score>4.5,6</final_score>", None),
        ("<final_score>4,0</final_score>", None),
        ("<final_score>-1,6</final_score>", None),
        ("<final_score>1,2,3</final_score>", None),
        ("<final_score>3,4", None),
        ("<FINAL_SCORE>3,4</FINAL_SCORE>", None),
        (f"<final_score>{'9' * 5000},9</final_score>", None),
        ("", None),
    ],
)
def test_reading_the_judge(reply: str, expected: float | None) -> None:
    assert read_process_score(reply).process_reward == expected
