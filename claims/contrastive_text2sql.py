"""Contrastive text-to-SQL: of two columns with the same values, execution cannot tell which was asked for; the contrast can."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import Tabular, train
from guerdon import Reward, find_paper
from guerdon.models.encoders import CharNGramEncoder

PAPER = find_paper("contrastive-text2sql")
DATABASE = (
    "CREATE TABLE orders(id INTEGER, shipping_city TEXT, billing_city TEXT, order_date TEXT, delivery_date TEXT)",
    "INSERT INTO orders VALUES (1, 'Rome', 'Rome', '2024-01-02', '2024-01-02'), (2, 'Oslo', 'Oslo', '2024-03-04', '2024-03-04')",
)
ASKED = (
    ("What is the shipping city of order {}?", "shipping_city", "billing_city"),
    ("What is the billing city of order {}?", "billing_city", "shipping_city"),
    ("On which order date was order {} placed?", "order_date", "delivery_date"),
    ("What is the delivery date of order {}?", "delivery_date", "order_date"),
)
PROMPTS = [question.format(k) for question, _, _ in ASKED for k in (1, 2)]
CHOICES = [
    [f"SELECT {column} FROM orders WHERE id = {k}" for column in columns] for _, *columns in ASKED for k in (1, 2)
]


def _right(seed: int, *, contrast: bool) -> float:
    """Mean probability of the column that was asked for."""
    reward: Reward = PAPER.build(encoder=CharNGramEncoder(), weights=(1.0, 0.5 if contrast else 0.0))
    columns = {"question": PROMPTS, "gold_sql": [row[0] for row in CHOICES], "database": [DATABASE] * len(PROMPTS)}
    rng = np.random.default_rng(seed)
    policy = Tabular(CHOICES, rng.normal(scale=0.5, size=(len(CHOICES), 2)))
    train(policy, reward, PROMPTS, columns, seed=seed, steps=40, rate=1.0, group=4)
    return float(policy.probabilities[:, 0].mean())


CLAIMS = (
    Claim(
        paper="contrastive-text2sql",
        says="Of two columns that hold the same values, the contrastive reward picks the one asked for; execution is indifferent",
        measure="probability of the column asked for (start: about 0.5)",
        ours="execution + contrast",
        baseline="execution alone",
        run=lambda seed: (_right(seed, contrast=True), _right(seed, contrast=False)),
        seeds=10,
    ),
)
