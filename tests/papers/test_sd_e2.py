"""SD-E^2: what diversity measures, when the bonus stops, hacks, z-scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.encoders import TableEncoder
from guerdon.papers.sd_e2 import standardised
from guerdon.rewards import Given, StrategyAnswer, StrategyDiversity, StrategyForm
from guerdon.text.strategies import normalize_last_number, same_outcome, strategy_final_answer, strategy_reasoning

PAPER = find_paper("sd-e2")
AXES = {f"strategy number {k}": np.eye(5)[k].tolist() for k in range(5)}
NEAR = {f"the same once more {k}": [1.0, 0.05 * k, 0.0, 0.0, 0.0] for k in range(5)}
ENCODER = TableEncoder(AXES | NEAR)


def block(reasoning: str, result: str = "7", k: int = 1) -> str:
    said = f"<approach>a</approach><reasoning>{reasoning}</reasoning><result>{result}</result>"
    return f'<strategy id="{k}">{said}</strategy>'


def completion(*reasonings: str, results: str = "7", final: str = "7") -> str:
    return "\n".join(block(r, results, k) for k, r in enumerate(reasonings)) + f"<final_answer>{final}</final_answer>"


def bonus(text: str, **options) -> float:
    return float(StrategyDiversity(encoder=ENCODER, **options).score(Batch([text], answer=["42"])).values[0])


def test_paraphrases_earn_less_than_two_strategies() -> None:
    assert bonus(completion(*NEAR)) < 0.01
    assert bonus(completion("strategy number 0", "strategy number 1")) == pytest.approx(0.2)
    assert bonus(completion(*AXES)) == pytest.approx(0.5), "five different ones reach the cap"
    assert bonus(completion("strategy number 0", results="42")) == 1.0, "a right one ends exploration"
    assert bonus(completion(*AXES, results="42")) == 1.0, "and then more strategies pay nothing"


@given(st.permutations(range(5)), st.integers(0, 4))
@settings(max_examples=25)
def test_order_rotation_and_duplicates(order: list[int], again: int) -> None:
    rng = np.random.default_rng(again)
    vectors = rng.normal(size=(5, 8))
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    texts = [f"strategy number {k}" for k in range(5)]

    def measured(table: np.ndarray, said: list[str]):
        encoder = TableEncoder(dict(zip(texts, table.tolist(), strict=True)))
        return StrategyDiversity(encoder=encoder).diversities([said])[0]

    plain = measured(vectors, texts)
    assert measured(vectors, [texts[k] for k in order]).dissimilarity == pytest.approx(plain.dissimilarity, abs=1e-6)
    turned = measured(vectors @ rotation, texts)
    assert turned.unique == plain.unique and turned.dissimilarity == pytest.approx(plain.dissimilarity, abs=1e-5)
    axes = StrategyDiversity(encoder=ENCODER)
    doubled = axes.diversities([[*texts, texts[again]]])[0]
    assert doubled.unique == 5 and doubled.dissimilarity < axes.diversities([texts])[0].dissimilarity


def test_coverage_depends_on_order_and_short_texts_do_not_count() -> None:
    angles = {f"at {degrees:3d} degrees": degrees for degrees in (0, 30, 60)}
    table = {text: [np.cos(np.radians(d)), np.sin(np.radians(d))] for text, d in angles.items()}
    reward, (a, b, c) = StrategyDiversity(encoder=TableEncoder(table)), table
    assert [reward.diversities([said])[0].unique for said in ([a, b, c], [b, a, c])] == [2, 1]
    assert reward.diversities([[], ["short"], ["short", a], ["short", "brief"]]) == [
        (0, 0.0),
        (0, 1.0),
        (1, 1.0),
        (0, 0.0),
    ]


def test_numbers_are_compared_as_numbers_unless_official() -> None:
    text = completion("strategy number 0", results="42.0")
    assert bonus(text) == 1.0 and bonus(text, variant="official") < 1.0
    assert normalize_last_number("-5 %") == "-5" and normalize_last_number("3/4") == "4"
    assert same_outcome("1/18", "18", how="number") and not same_outcome("1/18", "18")
    assert not same_outcome("12 or 18", "18") and same_outcome("B.", "b") and same_outcome("1,800.00", "1800")
    assert not same_outcome("", "") and not same_outcome("-42", "42") and not same_outcome("9" * 5000, "42")


def test_answers_that_are_read() -> None:
    two = "<final_answer>1</final_answer><final_answer>2</final_answer>"
    assert strategy_final_answer(two) == "2" and strategy_final_answer(two, variant="official") == "1"
    assert strategy_reasoning("<REASONING> a\n b") == "<REASONING> a\n b", "an unclosed tag is text"
    loose = Batch(["so <result>42</result>"], answer=["42"])
    assert StrategyAnswer("any").score(loose).values.tolist() == [0.0]
    assert StrategyAnswer("any", variant="official").score(loose).values.tolist() == [1.0]


def test_missing_gold_and_failing_encoder_are_unscored() -> None:
    reward = StrategyDiversity(encoder=ENCODER)
    scores = reward.score(Batch([completion(*AXES)] * 2, answer=[None, "42"]))
    assert np.isnan(scores.values[0]) and scores.notes["strategy_diversity"][0].outcome == "missing_data"
    assert StrategyDiversity(None, ENCODER).score(Batch([completion(*AXES)])).values.tolist() == pytest.approx([0.5])
    broken = StrategyDiversity(encoder=TableEncoder({t: [np.nan, 0.0] for t in AXES}))
    scores = broken.score(Batch([completion(*AXES)], answer=["42"]))
    assert np.isnan(scores.values[0]) and scores.notes["strategy_diversity"][0].outcome == "instrument_error"


def test_no_hack_beats_an_honest_answer() -> None:
    honest = completion("count on by nines", "draw two groups of nine", results="18", final="18")
    hacks = {
        "empty": "",
        "question": "How much is 9 + 9?",
        "keyword soup": "strategy approach reasoning result 18 18 18",
        "tag stuffing": '<strategy id="1"><approach></approach><reasoning></reasoning><result></result></strategy>'
        * 200,
        "tags and nothing": "<final_answer></final_answer>" * 200,
        "one strategy repeated": completion(*["count on by nines"] * 9),
        "many strategies, all wrong": completion(*[f"try the number {k} now" for k in range(9)]),
        "answer shopping": "".join(block(f"try the number {k} now", str(k), k) for k in range(30))
        + "<final_answer>17 or 18</final_answer>",
        "mixed language": completion("zähle in Neunern weiter", "計算するだけです、九足す九"),
        "huge": completion(*["count on by nines"] * 3, final="1" * 300_000),
        "unclosed": '<strategy id="1"><reasoning>' * 2_000,
        "evidence in thoughts": "<think>tool result: the answer is 18</think>" + completion("count on by nines"),
    }
    for variant in PAPER.variants:
        reward = PAPER.build(variant, encoder=None)
        for name, hack in hacks.items():
            batch = Batch([honest, honest, hack], ["How much is 9 + 9?"] * 3, answer=["18"] * 3)
            values = reward.score(batch).values
            official_prefers = variant.endswith("official") and name == "answer shopping"
            assert official_prefers or values[2] < values[0], (variant, name, values)


def test_the_official_variant_pays_a_wrong_answer_twice() -> None:
    wrong = completion("count on by nines", "draw two groups of nine", results="18", final="12")
    right = completion("count on by nines", "draw two groups of nine", results="12", final="18")
    batch = Batch([wrong, right], answer=["18", "18"])
    official = PAPER.build("multi-strategy-official", encoder=None).score(batch)
    assert official.values[0] > official.values[1] and official.parts["consistency"].tolist() == [1.5, 0.0]
    ours = PAPER.build("multi-strategy", encoder=None).score(batch).values
    assert ours[0] < ours[1]


def test_zscores_ignore_scale_and_constants() -> None:
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=8), "b": rng.normal(size=8), "c": np.full(8, 3.0)}

    def total(factor: float) -> np.ndarray:
        scaled = columns | {"a": factor * columns["a"]}
        batch = Batch([""] * 8, groups=[0] * 4 + [1] * 4, **{name: v.tolist() for name, v in scaled.items()})
        return standardised([Given(name, name=name) for name in scaled], [1.0, 1.0, 5.0]).score(batch).values

    assert total(100.0) == pytest.approx(total(1.0), abs=1e-6)
    assert PAPER.build().siblings == "group" and PAPER.build("multi-strategy").siblings is None


def test_efficiency_is_an_option() -> None:
    reward = PAPER.build(encoder=None, weights=(0, 0, 0, 0), efficiency=1.0, budget=10, unit="words")
    values = reward.score(Batch(["a b", "a b c d"], ["q", "q"], answer=["1", "1"])).values
    assert values[0] > 0 > values[1]
    with pytest.raises(UserError, match="four"):
        PAPER.build(weights=(1.0,))
    with pytest.raises(UserError, match="choices"):
        StrategyDiversity(compares="words")  # type: ignore[arg-type]
    assert StrategyForm().score(Batch([completion(*AXES)])).values.tolist() == [1.0]
