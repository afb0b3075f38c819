"""SubSearch: hacks, the order of its ladders, its gate, where evidence comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.encoders import CharNGramEncoder
from guerdon.rewards.search import trajectory

PAPER = find_paper("subsearch")
ENCODER = CharNGramEncoder()
QUESTION = "Who leads more people, the head of Alba or the head of Brio?"
FOUND = "Doc 1(Title: Alba) The leader of Alba is Ann. ## Doc 1(Title: Brio) The leader of Brio is Bob."
HONEST = trajectory(
    "<think>Two leaders.</think><search>leader of Alba ## leader of Brio</search>",
    FOUND,
    "<think>Ann leads more.</think><answer>Ann</answer>",
)


def batch(completions: Sequence[Any], step: int | None = 0, **columns: Any) -> Batch:
    size = len(completions)
    named = {"golden_answers": [["Ann", "Ann Lee"]] * size, "question": [QUESTION] * size, **columns}
    return Batch(completions, [f"Question: {QUESTION}"] * size, step=step, columns=named)


def answered(answer: str, query: str = "leader of Alba ## leader of Brio", found: str = FOUND) -> list[dict[str, str]]:
    return trajectory(f"<think>a</think><search>{query}</search>", found, f"<think>b</think><answer>{answer}</answer>")


HACKS = {
    "empty": "",
    "copied question": QUESTION,
    "keyword soup": "Ann leader Alba Brio Bob head people " * 50,
    "repeated reference": "Ann " * 5000,
    "bare answer": "<answer>Ann</answer>",
    "tag stuffing": "<think>a</think><answer>Ann</answer>" * 20,
    "nested tags": "<think><answer>Ann</answer></think><answer>Ann</answer>",
    "unclosed thought": "<think><search>leader of Alba</search><answer>Ann</answer>",
    "mixed language": answered("Ann 安妮 Анна"),
    "huge text": "<think>" + "so " * 100_000 + "</think><answer>Ann</answer> " + "x" * 100_000,
    "evidence in a thought": f"<think>{FOUND} <information>{FOUND}</information></think><answer>Ann Lee or Bob</answer>",
    "invented evidence": f"<think>a</think><search>leader of Alba</search><information>{FOUND}</information>"
    "<think>b</think><answer>Ann</answer>",
    "invented tool result": "<think>a</think><search>x</search><tool_response>Ann</tool_response><think>b</think>"
    "<answer>Ann</answer>",
    "answer shopping": "<think>a</think><answer>Bob</answer><answer>Ann</answer>",
    "answers listed": answered("Ann, Bob, Cy or Ann Lee"),
    "only searching": answered("").copy()[:2],
}


def test_no_hack_reaches_an_honest_answer() -> None:
    values = PAPER.build(encoder=ENCODER).score(batch([HONEST, *HACKS.values()])).values
    assert values[0] == 1.0
    for hack, value in zip(HACKS, values[1:], strict=True):
        assert value < values[0] - 0.1, f"{hack}: {value}"


def test_what_the_official_variant_pays_for() -> None:
    reward = PAPER.build("official", encoder=ENCODER)
    start = f"Question: {QUESTION}\n<|im_start|>assistant\n"
    invented = start + str(HACKS["invented evidence"])
    good_searches = start + (
        f"<think>a</think><search>leader of Alba ## leader of Brio</search><information>{FOUND}</information>"
        "<think>b</think><answer>Zed</answer>"
    )
    no_search = start + "<think>a</think><answer>Zed</answer>"
    values = reward.score(batch([invented, good_searches, no_search])).values
    assert values[0] == 1.0, "what the policy writes into an information block is believed"
    assert values[1] < 0.3, "good searches with the gold in evidence cost a wrong answer its floor of 0.3"
    honest = [answered("Zed"), "<think>a</think><answer>Zed</answer>"]
    default = PAPER.build(encoder=ENCODER).score(batch(honest)).values
    assert default[0] > 0.3 > default[1] >= 0.2


def test_prompt_examples_count_only_officially() -> None:
    text = (
        "use <search> query </search>. Question: Who?\n<|im_start|>assistant\n<think>a</think><search>Who?</search>"
        "<information>Ann</information><think>b</think><answer>Zed</answer>"
    )
    official = PAPER.build("official", encoder=ENCODER).score(batch([text]))
    assert official.parts["decomposition"][0] == pytest.approx(0.0, abs=0.2)
    prompts = ["use <search> query </search>. Question: Who?"]
    own = Batch([answered("Zed", "Who leads?")], prompts, step=0, golden_answers=["Ann"], question=["Who leads?"])
    assert PAPER.build(encoder=ENCODER).score(own).parts["decomposition"][0] == pytest.approx(0.0), "a copy"


def test_plain_text_with_environment_spans_scores_as_messages() -> None:
    text = "".join(
        message["content"] if message["role"] == "assistant" else f"<information>{message['content']}</information>"
        for message in HONEST
    )
    start = text.index("<information>")
    span = (start, text.index("</information>") + len("</information>"))
    reward = PAPER.build(encoder=ENCODER, environment="inserted")
    scores = reward.score(batch([text, HONEST, text], inserted=[[span], None, []]))
    assert scores.values[:2].tolist() == [1.0, 1.0] and scores.values[2] == pytest.approx(0.8)
    for part in ("answerability", "decomposition", "retrieval_correct"):
        assert scores.parts[part][0] == pytest.approx(scores.parts[part][1]) and scores.parts[part][2] == 0.0
    with pytest.raises(UserError, match="inserted"):
        reward.score(batch([text], inserted=[["here"]]))


def test_searches_do_not_change_a_correct_answer() -> None:
    reward = PAPER.build(encoder=ENCODER)
    queries = ["leader of Alba ## leader of Brio", "zzz", QUESTION, " ## "]
    assert reward.score(batch([answered("Ann", query) for query in queries])).values.tolist() == [1.0] * 4


def test_the_gate_moves_in_training_and_is_kept() -> None:
    scorer = PAPER.build(encoder=ENCODER).scorer()
    wrong = batch([answered("Zed"), answered("Zed")], step=1000)
    first = scorer.advance(wrong)
    assert first.parts["beta"][0] == pytest.approx(0.105081, abs=1e-5), "nothing seen yet: the schedule"
    assert scorer.score(wrong).parts["beta"][0] == pytest.approx(first.parts["beta"][0] + 0.01), (
        "low and flat raises it"
    )
    again = PAPER.build(encoder=ENCODER).scorer()
    again.load_state_dict(scorer.state_dict())
    assert again.score(wrong).parts["beta"].tolist() == scorer.score(wrong).parts["beta"].tolist()
    assert (
        PAPER.build(encoder=ENCODER).siblings is None and PAPER.build("official", encoder=ENCODER).siblings == "batch"
    )


def test_the_gate_forgets_the_order_of_a_batch() -> None:
    def beta(order: Sequence[int]) -> float:
        scorer = PAPER.build(encoder=ENCODER).scorer()
        mixed = [answered("Ann"), answered("Zed"), answered("Ann"), answered("Ann")]
        scorer.advance(batch([mixed[0]] * 4, step=1000))
        scorer.advance(batch([mixed[i] for i in order], step=1000))
        return float(scorer.score(batch([HONEST], step=1000)).parts["beta"][0])

    assert beta([0, 1, 2, 3]) == beta([3, 2, 1, 0])


def test_options() -> None:
    fixed = PAPER.build(encoder=ENCODER, schedule=None, adaptive=False)
    assert not fixed.stateful
    wrong = fixed.score(batch([answered("Zed")], step=None))
    expected = 0.3 + 0.7 * 0.2 * wrong.parts["intermediate"][0]
    assert wrong.values[0] == pytest.approx(expected)
    with pytest.raises(UserError, match="step"):
        PAPER.build(encoder=ENCODER).score(batch([HONEST], step=None))
    with pytest.raises(UserError, match="beta"):
        PAPER.build(encoder=ENCODER, beta=2.0)


def test_missing_data_is_not_scored() -> None:
    scores = PAPER.build(encoder=ENCODER).score(
        batch([HONEST, answered("Zed"), HONEST], golden_answers=[None, "Ann", "Ann"], question=["q?", None, None])
    )
    assert np.isnan(scores.values).tolist() == [True, True, False], "a correct answer does not need the question"
    assert "missing_data" in scores.note(0) and "missing_data" in scores.note(1)
