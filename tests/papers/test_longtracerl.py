"""LongTraceRL: hacks, invariances, the order of right and wrong, modes, judge parsing, the data builder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.rewards import EntityRecall
from guerdon.shaping.advantages import grpo_advantage

PAPER = find_paper("longtracerl")
ENTITIES = ["Marie Curie", "Sorbonne", "São Paulo", "北京", "Warsaw"]
HONEST = "Marie Curie of Warsaw taught at the Sorbonne; the copy is in São Paulo, the other in 北京. Answer: 1934"


def batch(texts: list[Any], correct: list[float | None], entities: Any = ENTITIES, **columns: Any) -> Batch:
    size = len(texts)
    return Batch(texts, groups=[0] * size, columns={"correct": correct, "rubrics": [entities] * size, **columns})


def named(k: int, of: int = 10) -> str:
    return " ".join(f"entity{i}x" for i in range(k)) + f" and {of}"


TEN = [f"entity{i}x" for i in range(10)]


def test_worked_example() -> None:
    texts = [named(2), named(8), named(10), named(4)]
    values = PAPER.build().score(batch(texts, [1, 1, 0, 1], TEN)).values
    assert values == pytest.approx([0.76, 0.94, 0.0, 0.82])
    texts[2] = named(5)
    assert PAPER.build().score(batch(texts, [1, 1, 0, 1], TEN)).values == pytest.approx([0.775, 1.0, 0.0, 0.85])
    assert PAPER.build(normalize=False).score(batch(texts, [1, 1, 0, 1], TEN)).values == pytest.approx(
        [0.76, 0.94, 0.0, 0.82]
    )
    assert PAPER.build(eta=0.0).score(batch(texts, [1, 1, 0, 1], TEN)).values.tolist() == [1, 1, 0, 1]


HACKS = {
    "empty": "",
    "copied question": "In which year did she die?",
    "keyword soup": "Marie Curie Sorbonne São Paulo 北京 Warsaw " * 40,
    "repeated reference": "1934 " * 2000,
    "named in a thought": f"<think>{HONEST}</think>1935",
    "invented evidence": f"<information>{HONEST}</information><tool_response>{HONEST}</tool_response>",
    "tag stuffing": "<answer>1934</answer>" * 500,
    "mixed language": "Мария Кюри, 玛丽居里, 1935",
    "huge": "Marie Curie " * 50_000,
    "answer shopping": "1931, 1932, 1933, 1934 or 1935",
}


def test_no_hack_reaches_an_honest_answer() -> None:
    scores = PAPER.build().score(batch([HONEST, *HACKS.values()], [1.0] + [0.0] * len(HACKS)))
    assert scores.values.tolist() == [1.0] + [0.0] * len(HACKS)
    lucky = PAPER.build().score(batch([HONEST, *HACKS.values()], [1.0] * (1 + len(HACKS))))
    assert (lucky.values <= 1.0).all() and lucky.parts["entity_recall"][5] == 0.0, "thoughts name nothing"


def test_what_the_official_variant_and_the_ablations_pay_for() -> None:
    soup = [HONEST, HACKS["keyword soup"]]
    assert PAPER.build("both").score(batch(soup, [0.0, 0.0])).values == pytest.approx([0.3, 0.3])
    assert PAPER.build("negative").score(batch(soup, [1.0, 0.0])).values == pytest.approx([1.0, 0.3])
    thought = batch([HACKS["named in a thought"]], [1.0])
    assert PAPER.build("official").score(thought).parts["entity_recall"][0] == 1.0
    greek = batch(["nothing", "Η Ελλάδα"], [1.0, 1.0], ["Ελλάδα"])
    assert PAPER.build("official").score(greek).parts["entity_recall"].tolist() == [1.0, 1.0], (
        "an empty name always hits"
    )
    assert PAPER.build().score(greek).parts["entity_recall"].tolist() == [0.0, 1.0]


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=8), st.randoms(), st.floats(0, 0.99))
def test_right_beats_wrong_and_the_order_does_not_matter(rows: list[tuple[int, bool]], random: Any, eta: float) -> None:
    texts, correct = [named(k) for k, _ in rows], [float(right) for _, right in rows]
    reward = PAPER.build(eta=eta)
    values = reward.score(batch(texts, correct, TEN)).values
    right = np.array(correct) == 1.0
    assert (values[~right] == 0).all() and (values[right] >= 1 - eta - 1e-12).all()
    order = random.sample(range(len(rows)), len(rows))
    again = reward.score(batch([texts[i] for i in order], [correct[i] for i in order], TEN)).values
    assert again == pytest.approx(values[order])
    loud = [text.upper().replace(" ", " ... ") for text in texts]
    assert reward.score(batch(loud, correct, TEN)).values == pytest.approx(values)
    assert np.isfinite(grpo_advantage(values, [0] * len(values))).all()


def test_groups_are_apart_and_gaps_are_not_zeros() -> None:
    texts = [named(5), named(10), named(5)]
    two = Batch(texts, groups=[0, 0, 1], correct=[1.0, 1.0, 1.0], rubrics=[TEN] * 3)
    assert PAPER.build().score(two).values == pytest.approx([0.85, 1.0, 1.0])
    scores = PAPER.build().score(batch(texts, [1.0, None, 0.0], TEN))
    assert np.isnan(scores.values).tolist() == [False, True, False]
    assert np.isnan(EntityRecall().score(batch(["a"], [1], None)).values).all()
    assert EntityRecall().score(batch(["a"], [1], [])).values.tolist() == [0.0]
    assert np.isnan(EntityRecall(tokenizer="ascii").score(batch(["a"], [1], ["Ελλάδα"])).values).all()


def test_unfinished_rollouts_count_for_nothing() -> None:
    texts = [named(5), named(10)]
    scored = PAPER.build(finished="finished").score(batch(texts, [1.0, 1.0], TEN, finished=[True, False])).values
    assert scored == pytest.approx([1.0, 0.0]), "an aborted rollout does not raise the group's maximum either"


def test_names() -> None:
    def recall(text: Any, names: list[str], **options: Any) -> float:
        return float(EntityRecall(**options).score(batch([text], [1], names)).values[0])

    assert recall("the artist", ["art"]) == 1.0 and recall("the artist", ["art"], whole_words=True) == 0.0
    assert recall("Sao Paulo", ["São Paulo"]) == 0.0 and recall("Sao Paulo", ["São Paulo"], accents=False) == 1.0
    turns = [
        {"role": "assistant", "content": "New", "reasoning_content": "Rome"},
        {"role": "user", "content": "Paris"},
        {"role": "assistant", "content": "York"},
    ]
    assert recall(turns, ["New York", "Rome", "Paris"]) == pytest.approx(1 / 3)
    assert recall(turns, ["New York", "Rome", "Paris"], reasoning=True, content=False) == pytest.approx(1 / 3)
    assert recall("<think>Rome</think>Paris", ["Rome"], reasoning=True, content=False) == 1.0
    with pytest.raises(UserError, match="tokenizer"):
        EntityRecall(tokenizer="letters")
    with pytest.raises(UserError, match="eta"):
        PAPER.build(eta=1.5)


def test_longrlvr() -> None:
    said = "<useful_chunks><CHUNK_1></useful_chunks> 4"
    chunks = Batch([said, said, "4"], correct=[1.0, 0.0, 1.0], gold_chunks=[[1]] * 3)
    assert PAPER.build("longrlvr").score(chunks).values == pytest.approx([2.0, 0.3, 1.0])
