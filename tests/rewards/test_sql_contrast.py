"""Nearness to the own question rather than to others'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Outcome
from guerdon.errors import UserError
from guerdon.models.encoders import CharNGramEncoder, TableEncoder
from guerdon.rewards import SQLContrast
from guerdon.text.sql import describe_sql

CITIES, PRICES, NAMES = (
    "SELECT city FROM users",
    "SELECT sum(price) FROM orders",
    "SELECT name FROM users WHERE age > 30",
)
QUESTIONS = {
    CITIES: "In which city does each user live?",
    PRICES: "Total price of the orders?",
    NAMES: "Names of users aged over 30?",
}


def reward(**options: Any) -> SQLContrast:
    return SQLContrast(**{"encoder": CharNGramEncoder(), **options})


def batch(*pairs: tuple[str, str], **columns: Any) -> Batch:
    """Completions with the gold query of the question each answers."""
    golds = [gold for _, gold in pairs]
    questions = [QUESTIONS[gold] for gold in golds]
    return Batch([sql for sql, _ in pairs], questions, question=questions, gold_sql=golds, columns=columns)


def table(**cosines: float) -> TableEncoder:
    """An encoder of three queries with these cosines to every question."""
    said = {
        describe_sql(sql): [cosines[name], float(np.sqrt(1 - cosines[name] ** 2))]
        for name, sql in {"c": CITIES, "p": PRICES, "n": NAMES}.items()
    }
    return TableEncoder(said | {question: [1.0, 0.0] for question in QUESTIONS.values()})


def test_by_hand() -> None:
    encoder = table(c=0.9, p=0.5, n=0.1)
    both = batch((CITIES, CITIES), (NAMES, PRICES), (NAMES, NAMES))
    e = np.exp
    softmax = SQLContrast(encoder=encoder, temperature=0.5).score(both).values
    assert softmax[0] == pytest.approx(e(1.8) / (e(1.8) + e(1.0) + e(0.2)), abs=1e-6)
    assert softmax[1] == pytest.approx(e(0.2) / (e(0.2) + e(1.8) + e(0.2)), abs=1e-6), (
        "its own gold is no negative, what it says is"
    )
    margin = SQLContrast(encoder=encoder, form="margin").score(both).values
    assert margin == pytest.approx([0.9 - 0.3, 0.1 - 0.5, 0.1 - 0.7], abs=1e-6)


def test_own_query_against_random_negatives() -> None:
    values = reward().score(batch(*[(gold, gold) for gold in QUESTIONS])).values
    assert (values > 1 / 3).all()
    swapped = reward().score(batch((PRICES, CITIES), (CITIES, PRICES), (CITIES, NAMES))).values
    assert (swapped <= 0.5).all() and (swapped < values).all(), "what equals a negative gets at most one half"
    assert reward(anchor="gold").score(batch(*[(gold, gold) for gold in QUESTIONS])).values.min() > 0.9


def test_all_completions_of_a_prompt_see_the_same_negatives() -> None:
    pairs = [(CITIES, CITIES), (NAMES, CITIES), (PRICES, CITIES), (PRICES, PRICES)]
    together = reward().score(batch(*pairs)).values
    assert reward().siblings == "batch" and reward(negatives="others").siblings is None
    assert together[0] != reward().score(batch(pairs[0])).values[0], "in-batch negatives depend on the batch"
    order = [3, 1, 0, 2]
    assert reward().score(batch(*[pairs[i] for i in order])).values == pytest.approx(together[order], abs=1e-12)


def test_what_is_written_alike_is_no_negative() -> None:
    translated = Batch(
        [CITIES] * 2,
        ["In which city?", "In welcher Stadt?"],
        question=["In which city?", "In welcher Stadt?"],
        gold_sql=[CITIES, "select  CITY from users ; -- the same"],
    )
    scores = reward().score(translated)
    assert scores.values.tolist() == [1.0, 1.0] and "no negatives" in scores.note(0)
    skipped = reward(lone="skip").score(translated)
    assert np.isnan(skipped.values).all() and skipped.notes["sql_contrast"][0].outcome is Outcome.SKIPPED
    repeated = batch((CITIES, CITIES), (PRICES, PRICES), (PRICES, PRICES))
    assert reward().score(repeated).values[0] == pytest.approx(reward().score(repeated.select([0, 1])).values[0])


def test_negatives_of_a_column() -> None:
    given = [[PRICES, NAMES, CITIES.lower()], [], None]
    scores = reward(negatives="others").score(batch((CITIES, CITIES), (CITIES, CITIES), (PRICES, PRICES), others=given))
    in_batch = reward().score(batch((CITIES, CITIES), (PRICES, PRICES), (NAMES, NAMES)))
    assert scores.values == pytest.approx([in_batch.values[0], 1.0, 1.0])


def test_gaps() -> None:
    gappy = Batch(
        [CITIES, CITIES, "no idea", CITIES],
        question=["Which city?", None, "Which city?", "Which city?"],
        gold_sql=[CITIES, CITIES, CITIES, None],
    )
    scores = reward().score(gappy)
    assert np.array_equal(np.isnan(scores.values), [False, True, False, False])
    assert scores.values[2] == 0.0 and reward(form="margin").score(gappy).values[2] == -2.0
    assert np.isnan(reward(anchor="gold").score(gappy).values[3])
    blind = SQLContrast(encoder=TableEncoder({"Which city?": [np.inf, 0.0], describe_sql(CITIES): [1.0, 0.0]}))
    broken = blind.score(gappy.select([0]))
    assert np.isnan(broken.values).all() and broken.notes["sql_contrast"][0].outcome is Outcome.INSTRUMENT_ERROR


def test_a_zero_vector_has_no_cosine() -> None:
    encoder = TableEncoder({"q": [1.0, 0.0], describe_sql(CITIES): [0.0, 0.0]})
    scores = SQLContrast(encoder=encoder, form="margin").score(Batch([CITIES], question=["q"], gold_sql=[CITIES]))
    assert scores.values.tolist() == [0.0]


@pytest.mark.parametrize("wrong", [{"form": "hinge"}, {"anchor": "sql"}, {"lone": "one"}, {"temperature": 0.0}])
def test_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        reward(**wrong)
