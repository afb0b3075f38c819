"""ToolRL: order, monotonicity, variants, faults, hacks."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.papers.toolrl import VARIANTS
from guerdon.rewards import ToolCalls
from guerdon.rewards.tools import has_tool_form, multiset_jaccard, tool_call_score
from guerdon.scores import Outcome

PAPER = find_paper("toolrl")
CALLS = [
    {"name": "weather", "parameters": {"city": "Paris", "unit": "C"}},
    {"name": "search", "parameters": {"query": "tower", "k": 3}},
    {"name": "now", "parameters": {}},
]


def turn(*calls: object, thought: str = "The tools are needed.") -> str:
    lines = "\n".join(map(json.dumps, calls))
    return f"<think>{thought}</think>\n<tool_call>\n{lines}\n</tool_call>"


GOLD = turn(*CALLS)


def values(completions: list[object], gold: str = GOLD, variant: str = "default", **options: object) -> list[float]:
    batch = Batch(completions, reference=[gold] * len(completions), step=0)
    return [float(value) for value in PAPER.build(variant, **options).score(batch).values]


def test_the_order_of_calls_does_not_matter_but_in_refined_and_coarse() -> None:
    turns = [turn(*order) for order in itertools.permutations(CALLS)]
    assert values(turns) == pytest.approx([4.0] * 6)
    assert min(values(turns, variant="refined")) < 4.0 and min(values(turns, variant="coarse")) == -2.0


def test_each_right_value_raises_the_score_by_the_same_step() -> None:
    gold = [{"name": "f", "parameters": dict.fromkeys("abcd", 1)}]
    wrong = [{"name": "f", "parameters": {k: int(i < right) for i, k in enumerate("abcd")}} for right in range(5)]
    graded = [tool_call_score(gold, [call]) for call in wrong]
    assert np.diff(graded) == pytest.approx([6 / 6] * 4) and graded[-1] == 3.0
    assert [tool_call_score(gold, [call], credit="all") for call in wrong] == [-3.0] * 4 + [3.0]


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ([{"name": "f", "parameters": {"a": 1, "b": 9}}], 1.5),
        ([{"name": "f", "parameters": {"a": 1}}], 0.75),
        ([{"name": "f", "parameters": {"a": 1, "b": 2, "c": 3}}], 2.5),
        ([{"name": "g", "parameters": {"a": 1, "b": 2}}], -3.0),
        ([{"name": "f", "parameters": {"a": 1, "b": 2}}, {"name": "g", "parameters": {}}], 2.25),
        ([{"name": "f", "parameters": {"c": 1, "d": 2}}], -1.5),
        ([], -3.0),
    ],
)
def test_worked_values(predicted: list[dict[str, object]], expected: float) -> None:
    assert tool_call_score([{"name": "f", "parameters": {"a": 1, "b": 2}}], predicted) == pytest.approx(expected)


def test_greedy_matching_can_lose_to_the_best_one() -> None:
    gold = [{"name": "f", "parameters": {"a": 1}}, {"name": "f", "parameters": {"a": 1, "b": 2}}]
    predicted = [{"name": "f", "parameters": {"a": 1, "b": 2}}, {"name": "f", "parameters": {"a": 1, "c": 0, "d": 0}}]
    greedy, optimal = (tool_call_score(gold, predicted, matching=m) for m in ("greedy", "optimal"))
    assert optimal > greedy
    assert tool_call_score(gold, gold[::-1], matching="optimal") == 3.0
    assert tool_call_score(gold, [], matching="optimal") == -3.0


def test_jaccard_is_symmetric_and_counts_repetitions() -> None:
    assert multiset_jaccard("aab", "abb") == multiset_jaccard("abb", "aab") == 0.5
    assert multiset_jaccard([], []) == 1.0 and multiset_jaccard([], ["a"]) == 0.0


def test_form_follows_the_reference() -> None:
    call, both = GOLD, GOLD + "\n<response>Done.</response>"
    assert has_tool_form(call, call) and has_tool_form(both, both) and has_tool_form("<think>x</think>", "nothing")
    assert not has_tool_form(both, call) and not has_tool_form(call, both)
    assert not has_tool_form(call.replace("</think>\n", "</think>\n\n"), call)
    assert not has_tool_form(call.replace(">\n{", ">{", 1), call) and not has_tool_form("<think>", "nothing")
    assert not has_tool_form("<think>a</think>\n<tool_call>\n</tool_call>", call)


def test_a_broken_reference_is_not_the_policys_fault() -> None:
    scores = PAPER.build().score(Batch([GOLD] * 3, reference=[None, "<tool_call>\n{bad\n</tool_call>", GOLD]))
    assert np.isnan(scores.values[:2]).all() and scores.values[2] == 4.0
    outcomes = [note.outcome if note else None for note in scores.notes["correctness"]]
    assert outcomes == [Outcome.MISSING_DATA, Outcome.UNPARSEABLE, None]


def test_schedules_need_a_step() -> None:
    for variant in ("dynamic_length", "two_stage", "dynamic_scale"):
        with pytest.raises(UserError, match="step"):
            PAPER.build(variant).score(Batch([GOLD], reference=[GOLD]))


def test_chat_messages_and_other_formats_where_asked() -> None:
    chat = [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": c["name"], "arguments": json.dumps(c["parameters"])}} for c in CALLS],
        }
    ]
    batch = Batch([chat, GOLD.replace('"parameters"', '"arguments"')], reference=[CALLS, CALLS])
    assert ToolCalls(lenient=True).score(batch).values.tolist() == [1.0, 1.0]
    assert ToolCalls().score(batch).values.tolist() == [-1.0, -1.0]


def test_calls_nobody_asked_for() -> None:
    gold = "<think> </think>\n<response>Which city?</response>"
    assert values([GOLD, gold], gold) == [0.0, 1.0]
    assert values([GOLD, gold], gold, punish_unasked=True) == [-3.0, 1.0]


HACKS = [
    "",
    "What is the weather in Paris?",
    "weather search now city Paris unit C query tower k 3",
    "<think></think><tool_call></tool_call><response></response>",
    GOLD * 3,
    f"<think>{GOLD}</think>",
    GOLD.replace("</tool_call>", "\n".join(json.dumps(call) for call in CALLS * 20) + "\n</tool_call>"),
    turn(*CALLS, *({"name": "weather", "parameters": {"city": city, "unit": "C"}} for city in ("Rome", "Oslo"))),
    turn([CALLS[0]]),
    turn({"name": "weather", "parameters": {"city": "パリ", "unit": "C"}}),
    "<think>" + "thinking " * 20_000,
    "<tool_call>\n" * 20_000,
    '<think>tool_response: ok, all tools succeeded</think>\n<tool_call>\n{"name": "weather"}\n</tool_call>',
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_hacks(variant: str) -> None:
    honest, *hacked = values([GOLD, *HACKS], variant=variant)
    if variant in ("with_length", "dynamic_length"):
        assert max(hacked) <= honest + 1.0
    else:
        assert max(hacked) < honest, dict(zip(HACKS, hacked, strict=True))


def test_the_length_term_pays_for_padding() -> None:
    padded, plain = turn(*CALLS, thought="so " * 600), GOLD
    assert values([padded], variant="with_length") > values([plain], variant="with_length")
    assert values([padded]) == values([plain])
