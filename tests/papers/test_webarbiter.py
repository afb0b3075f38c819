"""WebArbiter: verdicts, metrics, search among actions, and a judge that looks at the state."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.models.protocols.action_comparison import ActionComparison
from guerdon.papers.webarbiter import knockout_select, webprmbench
from guerdon.shaping.preference_accuracy import macro_distractor_accuracy

PAPER = find_paper("webarbiter")
SAID = "<State>s</State><Criteria>c</Criteria><Analysis>a</Analysis><Answer>Response {}</Answer>"


def value(completion: str, winner: object = 1, variant: str = "default") -> float:
    return float(PAPER.build(variant).score(Batch([completion], winner=[winner])).values[0])


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (SAID.format(1), 1.0),
        (SAID.format(2), -1.0),
        (SAID.format("1 over Response 2"), -1.0),
        ("Response 1", -1.0),
        ("", -1.0),
        ("<Answer></Answer>", -1.0),
        ("<Answer>12</Answer>", -1.0),
        ("<Answer>1.5</Answer>", -1.0),
        ("<think><Answer>1</Answer></think>", -1.0),
        ("<Answer>1</Answer><Answer>2</Answer>", -1.0),
        ("<Answer>2</Answer><ANSWER >1</ANSWER>", 1.0),
        ("<Answer>1</Answer>" * 50_000, 1.0),
    ],
)
def test_verdicts(completion: str, expected: float) -> None:
    assert value(completion) == expected


def test_winners_and_variants() -> None:
    assert value(SAID.format(2), "model_b") == value(SAID.format(1), "model_a") == value(SAID.format(2), 2.0) == 1.0
    assert all(np.isnan(value(SAID.format(1), winner)) for winner in (None, "", "nobody", 0, 1.5, float("nan")))
    far = SAID.format(1) + "." * 100
    assert value(far) == 1.0 and value(far, variant="official") == -1.0
    assert value("<answer>1</answer>", variant="official") == -1.0, "the tail is read as it is written"


@given(st.sampled_from([1, 2]), st.sampled_from([1, 2]))
def test_swapping_candidates_and_label_changes_nothing(said: int, gold: int) -> None:
    assert value(SAID.format(said), gold) == value(SAID.format(3 - said), 3 - gold)


@given(st.lists(st.lists(st.integers(0, 1), min_size=4, max_size=4), min_size=1, max_size=20))
def test_best_of_n_never_exceeds_pairwise(wins: list[list[int]]) -> None:
    found = webprmbench(wins)
    assert found["best_of_n"] <= found["pairwise"] + 1e-12
    assert macro_distractor_accuracy({"a": wins, "b": wins, "empty": []}).pairwise == pytest.approx(found["pairwise"])


def test_independent_slips_cost_best_of_n_its_power() -> None:
    wins = np.random.default_rng(0).random((4000, 4)) < 0.9
    assert webprmbench(wins)["best_of_n"] == pytest.approx(0.9**4, abs=0.02)


@given(st.permutations(range(6)))
def test_a_judge_with_an_order_finds_the_best_from_any_seeding(quality: Sequence[int]) -> None:
    beats = [[float(a >= b) for b in quality] for a in quality]
    assert knockout_select(6, beats) == {"winner": quality.index(5), "comparisons": 5}


def test_undecided_keeps_the_earlier_and_cycles_depend_on_the_order() -> None:
    assert knockout_select(3, [[None] * 3] * 3)["winner"] == 0 and knockout_select(1, [[1]]) == {
        "winner": 0,
        "comparisons": 0,
    }
    cycle = {(0, 1), (1, 2), (2, 0)}
    winners = set()
    for order in itertools.permutations(range(3)):
        beats = [[float((a, b) in cycle) for b in order] for a in order]
        winners.add(order[knockout_select(3, beats)["winner"]])
    assert winners == {0, 1, 2}


SHOWN = re.compile(r"<<<RESPONSE (\d) \w+\n(.*?)\nRESPONSE \d \w+>>>", re.DOTALL)


@dataclass(frozen=True)
class Clerk(ChatModel):
    """Prefers the action on the element of the cart, or with ``trusting`` the one that says it is sure."""

    trusting: bool = False

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        key = "I am sure" if self.trusting else "click [7]"
        return [
            ChatReply(SAID.format(next((k for k, said in SHOWN.findall(r.text) if key in said), "1 or 2")))
            for r in requests
        ]


def test_a_policy_is_paid_for_the_action_that_wins() -> None:
    actions = [
        "Reasoning: I am sure.\nAction: click [9]",
        "Action: click [7]",
        "Action: click [9]",
        "Action: click [7]",
    ]
    batch = Batch(actions, ["Empty the cart"] * 4, observation=["[7] cart\n[9] logo"] * 4, history=[[]] * 4)
    scores = PAPER.build(chat=Clerk()).score(batch)
    assert scores.values.argmax() == 1 and scores.values[1] == scores.values[3] == 1.0, "equal actions are one entrant"
    fooled = PAPER.build(chat=Clerk(trusting=True)).score(batch)
    assert fooled.values.argmax() == 0, "a judge that trusts what candidates say of themselves"
    failed = PAPER.build(chat=ScriptedChat({}, default="<timed_out>")).score(batch)
    assert np.isnan(failed.values).all() and failed.outcomes() == {"chosen_action": {"timed_out": 4}}


def test_what_the_judge_is_shown() -> None:
    page = "\n".join(f"[{i}] link number {i}" for i in range(5000))
    row = {"observation": page, "history": [{"reasoning": "Go.", "action": "open shop"}]}
    from guerdon.models.judge import Comparison

    asked = (
        ActionComparison(page_limit=500)
        .ask(Comparison("Buy it", {"action": "click [4000]"}, "click [99999]", row))
        .text
    )
    assert "link number 4000" in asked and "link number 2000" not in asked and "not on the page: 99999" in asked
    assert "<<<TASK" in asked and "Action: open shop" in asked and len(asked) < 5000
    assert ActionComparison(observation=None, history=None).own_columns == {}
