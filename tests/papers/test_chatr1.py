"""ChatR1: hacks, invariances of the intent, where it is placed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.rewards.search import trajectory
from guerdon.text.token_f1 import token_f1

PAPER = find_paper("chatr1")
REWRITE = "When was the Eiffel Tower built?"
HONEST = trajectory(
    "<think>It is the tower.</think><search>when was the Eiffel Tower built</search>",
    "Built 1887-1889.",
    "<think>Found.</think><answer>March 1889</answer>",
)


def batch(completions: Sequence[Any], **columns: Any) -> Batch:
    size = len(completions)
    named = {"golden_answers": [["1889", "March 1889"]] * size, "rewrite": [REWRITE] * size, **columns}
    return Batch(completions, ["User: the Eiffel Tower? ... When was it built?"] * size, columns=named)


def value(*turns: str, **options: Any) -> float:
    return float(PAPER.build(**options).score(batch([trajectory(*turns)])).values[0])


HACKS = {
    "empty": "",
    "copied question": "User: the Eiffel Tower? ... When was it built?",
    "keyword soup": "<answer>1889 March Eiffel Tower built when 1890 1887</answer>",
    "repeated reference": "<answer>" + "March 1889 " * 500 + "</answer>",
    "no tags": "March 1889",
    "tag stuffing": "<search>x</search>" * 100 + "<answer></answer>" * 100,
    "queries never run": f"<think>a</think><search>{REWRITE}</search><search>when</search><answer>March 1889</answer>",
    "invented evidence": f"<search>{REWRITE}</search><information>1889</information><answer>March 1889</answer>",
    "evidence in a thought": f"<think><search>{REWRITE}</search> found 1889</think><answer>March 1889</answer>",
    "answer shopping": "<answer>1886</answer><answer>1887</answer><answer>1888</answer>",
    "answers listed": "<answer>1887 or 1888 or March 1889</answer>",
    "query after the answer": trajectory("<answer>March 1889</answer>", "x", f"<search>{REWRITE}</search>", "y"),
    "mixed language": trajectory(f"<search>{REWRITE} 什么时候</search>", "x", "<answer>March 1889 年 года</answer>"),
    "huge text": "<think>" + "so " * 200_000 + "</think><answer>1889",
}


def test_no_hack_reaches_an_honest_answer() -> None:
    scores = PAPER.build().score(batch([HONEST, *HACKS.values()]))
    assert scores.values[0] == pytest.approx(1.2)
    for hack, got in zip(HACKS, scores.values[1:], strict=True):
        assert got <= 1.0, f"{hack}: {got}"


def test_what_the_official_variant_pays_for() -> None:
    start = "e.g. <answer> Beijing </answer>\n<|im_start|>assistant\n"
    invented = start + str(HACKS["queries never run"])
    example = (
        "e.g. <search> When was the Eiffel Tower built? </search>"
        + start
        + "<think>a</think><answer>March 1889</answer>"
    )
    official = PAPER.build("official")
    assert official.score(batch([invented, example])).values == pytest.approx([1.2, 1.2]), "as much as a real search"
    names_the_pair = "between <answer> and </answer>. " + start + "<think>no idea</think>"
    echoed = official.score(batch([names_the_pair], golden_answers=["Beijing"]))
    assert echoed.values[0] == pytest.approx(1.0), "an unanswered turn earns the prompt's example"
    default = PAPER.build().score(Batch(["<think>no idea</think>"], golden_answers=["Beijing"], rewrite=["r"]))
    assert default.values[0] == 0.0


def test_worked_values() -> None:
    right, query = "<answer>1889</answer>", f"<search>{REWRITE}</search>"
    assert value(query, "x", right) == pytest.approx(1.2)
    assert value(right) == 1.0
    assert value(query, "x", "<answer>1900</answer>") == pytest.approx(0.2)
    assert value(query, "x", "nothing") == 0.0
    assert value("<search>wind wind wind energy</search>", "x", right) == 1.0
    assert token_f1("wind wind wind energy", "wind energy", counting="set") == pytest.approx(2 / 3)
    assert token_f1("well-known", "well known", counting="set") == 0.0


@given(
    st.lists(st.sampled_from(["when", "was", "the", "Eiffel", "Tower", "built", "who", "it"]), min_size=1, max_size=8)
)
def test_more_queries_never_cost_and_case_never_matters(words: list[str]) -> None:
    query = " ".join(words)
    first, second = f"<search>{query}</search>", "<search>bees</search>"
    answer = "<answer>1889</answer>"
    one = value(first, "x", answer)
    assert value(first, "x", second, "y", answer) == pytest.approx(one)
    assert value(f"<search>{query.upper()}!</search>", "x", answer) == pytest.approx(one)
    assert value(f"<search>the {query}</search>", "x", answer) == pytest.approx(one)
    assert value(first, "x", answer, "y", f"<search>{REWRITE}</search>", "z") == pytest.approx(one)
    assert 1.0 <= one <= 1.2 + 1e-9


def test_without_intent_it_is_the_answer_f1() -> None:
    reward = PAPER.build(alpha=0.0)
    assert reward.columns == {"golden_answers"} and reward.range == (0.0, 1.0)
    assert reward.score(batch([HONEST])).values.tolist() == [1.0]


def test_a_row_without_a_rewrite_earns_its_answer() -> None:
    scores = PAPER.build().score(batch([HONEST, HONEST], rewrite=[None, REWRITE]))
    assert scores.values == pytest.approx([1.0, 1.2])
    assert np.isnan(PAPER.build().score(batch([HONEST], golden_answers=[None])).values[0])


def test_by_step_keeps_the_sum() -> None:
    several = trajectory("<search>tower</search>", "x", f"<search>{REWRITE}</search>", "y", "<answer>1889</answer>")
    whole = PAPER.build().score(batch([several, HONEST, ""]))
    split = PAPER.build(by_step=True).score(batch([several, HONEST, ""]))
    assert split.values == pytest.approx(whole.values)
    assert split.steps is not None and split.steps[0] is not None
    assert split.steps[0].values == pytest.approx([0.0, 0.2, 1.0])
    assert split.steps[0].spans is not None and len(split.steps[0].spans) == 3


def test_optional_terms() -> None:
    reward = PAPER.build(retrieval=0.1, structure=0.2)
    assert reward.columns == {"golden_answers", "rewrite", "passage"}
    scores = reward.score(batch([HONEST, HACKS["invented evidence"]], passage=["Built 1887-1889"] * 2))
    assert scores.values == pytest.approx([1.5, 1.0])


def test_languages_without_spaces() -> None:
    completion = trajectory("<search>東京タワーはいつ建てられた</search>", "x", "<answer>1958年</answer>")
    row = Batch([completion], golden_answers=["1958年です"], rewrite=["東京タワーはいつ完成した"])
    assert PAPER.build().score(row).values[0] == 0.0
    assert PAPER.build(tokenizer="words").score(row).values[0] > 0.8
