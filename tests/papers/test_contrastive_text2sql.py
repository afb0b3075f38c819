"""Contrastive text-to-SQL: the gate, the languages, the hacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Reward, find_paper
from guerdon.models.encoders import CharNGramEncoder, TableEncoder
from guerdon.papers.contrastive_text2sql import hard_negatives, retrieval_accuracy
from guerdon.text.sql import describe_sql

PAPER = find_paper("contrastive-text2sql")
SHOP = [
    "CREATE TABLE orders(id INTEGER, shipping_city TEXT, billing_city TEXT)",
    "INSERT INTO orders VALUES (1, 'Rome', 'Rome'), (2, 'Oslo', 'Oslo')",
]
SHIPPING, BILLING = "SELECT shipping_city FROM orders", "SELECT billing_city FROM orders"
QUESTIONS = ["Shipping city of every order?", "Billing city of every order?"]


def build(variant: str = "default", **options: Any) -> Reward:
    return PAPER.build(variant, **{"encoder": CharNGramEncoder(), **options})


def values(reward: Reward, *completions: str) -> list[float]:
    """Each completion as an answer to the first question, beside an answer to the second."""
    size = len(completions)
    return reward.score(
        Batch(
            [*completions, BILLING],
            [QUESTIONS[0]] * size + QUESTIONS[1:],
            question=[QUESTIONS[0]] * size + QUESTIONS[1:],
            gold_sql=[SHIPPING] * size + [BILLING],
            database=[SHOP] * (size + 1),
        )
    ).values.tolist()[:size]


@pytest.mark.parametrize("variant", PAPER.variants)
def test_variants(variant: str) -> None:
    reward = build(variant)
    right, twin, wrong, broken = values(
        reward, SHIPPING, BILLING, "SELECT id FROM orders", "SELECT nowhere FROM orders"
    )
    assert right > twin > wrong, "equal results, and only the meaning tells them apart"
    assert broken == 0.0
    assert reward.columns == {"question", "gold_sql", "database"}


def test_a_query_that_merely_runs() -> None:
    plain, paid = build(), build(runs=0.1)
    assert np.subtract(values(paid, SHIPPING, "SELECT 1"), values(plain, SHIPPING, "SELECT 1")) == pytest.approx(
        [0.1, 0.1]
    )
    assert values(paid, "SELECT nowhere FROM orders") == [0.0]
    assert paid.range == pytest.approx((0.0, 1.6))


def test_hacks() -> None:
    hacks = [
        "",
        QUESTIONS[0],
        "shipping city shipping city shipping city order",
        f"<think>{SHIPPING}</think>",
        f"{SHIPPING}; {SHIPPING}",
        f"-- {QUESTIONS[0]}\nSELECT 'shipping city of every order'",
        "SELECT 'Shipping city of every order?' FROM orders",
        f"SELECT * FROM orders -- {SHIPPING}",
        BILLING,
        "SELECT shipping_city FROM orders LIMIT 0",
        "DROP TABLE orders",
        "SELECT " + "shipping_city, " * 1500 + "1 FROM orders",
        "运费城市 shipping ville d'expédition",
    ]
    honest, *hacked = values(build(), SHIPPING, *hacks)
    assert all(value < honest for value in hacked), dict(zip(hacks, hacked, strict=True))


def test_languages_score_alike_under_an_aligned_encoder() -> None:
    asked = [
        "Shipping city?",
        "Versandstadt?",
        "Ville de livraison?",
        "¿Ciudad de envío?",
        "配送先の都市は？",
        "发货城市？",
        "Thành phố giao hàng?",
    ]
    vectors = {question: [1.0, 0.2] for question in asked} | {
        describe_sql(SHIPPING): [1.0, 0.0],
        describe_sql(BILLING): [0.0, 1.0],
        "other": [0.0, 1.0],
    }
    size = len(asked)
    batch = Batch(
        [SHIPPING] * size + [BILLING],
        [*asked, "other"],
        question=[*asked, "other"],
        gold_sql=[SHIPPING] * size + [BILLING],
        database=[SHOP] * (size + 1),
    )
    scores = build(encoder=TableEncoder(vectors)).score(batch).values[:size]
    assert scores == pytest.approx([scores[0]] * size) and scores[0] > 1.4, (
        "translations of a question are not its negatives"
    )


def test_hard_negatives() -> None:
    golds = ["SELECT a", "SELECT b", "select A ;", "SELECT c", "SELECT d"]
    chosen = hard_negatives(golds, ["x", "x", "x", "y", "y"], limit=2)
    assert all(len(row) == 2 for row in chosen)
    assert "SELECT b" in chosen[0] and "SELECT d" in chosen[3], "those on the same database come first"
    assert not {"SELECT a", "select A ;"} & {*chosen[0], *chosen[2]}, "the own query is left out however it is written"
    assert chosen == hard_negatives(golds, ["x", "x", "x", "y", "y"], limit=2)
    assert hard_negatives(["SELECT a"]) == [[]] and hard_negatives([]) == []


def test_retrieval_accuracy() -> None:
    same = np.random.default_rng(0).normal(size=(20, 8))
    assert retrieval_accuracy(same, 3.0 * same) == 1.0
    assert retrieval_accuracy(same, np.roll(same, 1, axis=0)) == 0.0
    assert retrieval_accuracy(np.eye(2), np.zeros((2, 2))) == 0.5
