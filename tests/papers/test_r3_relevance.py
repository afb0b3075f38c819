"""R^3: hacks, branches, switches, how the raw query is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.encoders import CharNGramEncoder, TableEncoder
from guerdon.rewards import DistinctNgrams, LengthIncentive, Relevance
from guerdon.shaping.correlation import spearman

PAPER = find_paper("r3-relevance")
QUERY = "Tell me how tea is made from its leaves and why people drink it."
HONEST = (
    "Tea is made from the leaves of a shrub. Workers pick the young leaves, let them wither, roll and dry them; black tea is "
    "also left to oxidise before drying. People drink it for its taste, its warmth, and because the caffeine keeps them awake. "
    "To make a cup, pour hot water on the dried leaves and wait for some minutes."
)
OFF_TOPIC = " ".join(f"zq{i} xv{i * 7}" for i in range(4000))
HACKS = {
    "empty": "",
    "copied question": QUERY,
    "copied five times": f"{QUERY} " * 5,
    "keyword soup": "tea leaves drink made people " * 60,
    "repeated reference": "Tea is made by drying leaves. " * 60,
    "copy after a stop": f"Tea.\n\n\n\n{QUERY}",
    "another turn": f"Tea. ### Instruction: {QUERY} ### Response: {HONEST}",
    "named in a thought": f"<think>{HONEST}</think>Tea.",
    "tag stuffing": "<answer>tea</answer>" * 100,
    "mixed language": "чай 茶 tea thé",
    "huge": "tea " * 100_000,
    "tool evidence": "<information>Tea is made from leaves.</information>",
}


def build(variant: str = "default", **options: Any) -> Any:
    return PAPER.build(variant, encoder=CharNGramEncoder(), **options)


def batch(texts: list[Any], qtype: Any = "OPENENDED", prompt: Any = QUERY, **columns: Any) -> Batch:
    size = len(texts)
    given = {"qtype": [qtype] * size, "reference": ["Paris, the capital of France"] * size, **columns}
    return Batch(texts, [prompt] * size, columns=given)


def test_no_hack_reaches_an_honest_answer() -> None:
    values = build().score(batch([HONEST, *HACKS.values()])).values
    assert values[0] > 0.1
    for hack, value in zip(HACKS, values[1:], strict=True):
        assert value < values[0], f"{hack}: {value}"
    assert values[1] == 0.0 and build().score(batch([""], "CONSTRAINED")).values.tolist() == [0.0]


def test_what_each_factor_is_for() -> None:
    texts = [HONEST, QUERY, f"{QUERY} " * 5]
    alone = build(length_incentive=False, repetition_penalty=False).score(batch(texts)).values
    assert alone[1:].min() > alone[0], "relevance alone pays for copies of the question"
    long = build(repetition_penalty=False).score(batch([HONEST, f"{QUERY} " * 20])).values
    assert long[1] > long[0], "length pays for copying it many times"
    full = build().score(batch([*texts, f"{QUERY} " * 20])).values
    assert full.argmax() == 0


def test_what_the_official_variant_pays_for() -> None:
    table = TableEncoder({"": [0.5, 0.5], "Paris": [1, 0], "x": [1, 1], " Paris": [1, 0]})
    empty = Batch([""], ["x"], qtype=["CONSTRAINED"], reference=["Paris"])
    assert PAPER.build("official", encoder=table).score(empty).values[0] == pytest.approx(0.5 / 3.5 * 5.12)
    assert PAPER.build(encoder=table).score(empty).values[0] == 0.0
    hidden = batch([f"Tea made.\n\n\n\n{QUERY}", "Tea made."])
    official, default = build("official").score(hidden).values, build().score(hidden).values
    assert official[0] > official[1] and default[0] == pytest.approx(default[1]), "what comes after a stop is not read"
    endless = batch([OFF_TOPIC], relevance=[0.1])
    assert build("official", scores="relevance").score(endless).values[0] > 7.0
    assert build(scores="relevance").score(endless).values[0] <= 0.1 * 5.12 + 1e-9


def test_branches() -> None:
    texts = ["Paris.", "Paris, that is to say the city, of which much more could be told."]
    closed = build(scores="relevance").score(batch(texts, "CONSTRAINED", relevance=[2.1, 2.1])).values
    assert closed == pytest.approx([3.072, 3.072]), "a longer answer of the same relevance is worth no more"
    for unknown in ("OPENENDED", "other", None):
        opened = build(scores="relevance").score(batch(texts, unknown, relevance=[2.1, 2.1])).values
        assert opened == pytest.approx([2.1 * 0.02, 2.1 * 0.17])
    flat = build(scores="relevance", branching=False).score(batch(texts, "CONSTRAINED", relevance=[2.1, 2.1])).values
    assert flat == pytest.approx(opened) and "qtype" not in build(branching=False).columns
    assert build(relevance=False).score(batch(texts)).values == pytest.approx([0.02, 0.17])
    assert build(scores="relevance").score(batch(["a b c d"], relevance=[-0.2])).values[0] < 0
    with pytest.raises(UserError, match="off"):
        build(relevance=False, length_incentive=False, repetition_penalty=False)


def test_gaps_are_not_zeros() -> None:
    scores = build().score(batch(["Paris"], "CONSTRAINED", reference=[None]))
    assert np.isnan(scores.values).all() and "missing_data" in scores.note(0)
    assert np.isnan(build().score(batch(["Tea"], prompt="")).values).all()
    assert np.isnan(build(scores="relevance").score(batch(["Tea"], relevance=[None])).values).all()


@given(st.text(max_size=80), st.floats(-2, 4))
def test_any_text_is_scored(text: str, relevance: float) -> None:
    for variant in ("default", "official"):
        columns = {"qtype": ["CONSTRAINED", "OPENENDED"], "reference": ["a", "a"], "relevance": [relevance] * 2}
        values = PAPER.build(variant, scores="relevance").score(Batch([text] * 2, ["q"] * 2, columns=columns)).values
        assert np.isfinite(values).all() and abs(values[0]) <= abs(relevance) / 3.5 * 5.12 + 1e-9


def test_the_raw_query() -> None:
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "What is tea?"}]
    table = TableEncoder({"What is tea?": [1, 2], "A drink.": [0.5, 1]})
    assert Relevance(encoder=table).score(Batch(["A drink."], [chat])).values.tolist() == [2.5]


def test_options() -> None:
    assert LengthIncentive(tokenizer="words").score(Batch(["今天天气"])).values.tolist() == [0.04]
    assert LengthIncentive().score(Batch(["今天天气"])).values.tolist() == [0.01]
    assert LengthIncentive(limit=3.0).range == (0.0, 0.03)
    for wrong in ({"unit": 0}, {"tokenizer": "no"}):
        with pytest.raises(UserError):
            LengthIncentive(**wrong)
    with pytest.raises(UserError):
        DistinctNgrams(n=0)
    with pytest.raises(UserError, match="prompt"):
        Relevance(to="both")


def test_a_proxy_that_is_the_gold_is_monotone_with_it() -> None:
    proxy = [0.1, 0.4, 0.5, 0.9]
    assert spearman(proxy, [p**3 for p in proxy]) == pytest.approx(1.0)
