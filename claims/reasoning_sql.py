"""Reasoning-SQL: a policy that never writes the right query learns nothing from execution alone, and it from partial rewards."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from claims.claim import Claim
from claims.tabular import Floats, grpo
from guerdon import Batch, Reward, find_paper

PAPER = find_paper("reasoning-sql")
DATABASE = (
    "CREATE TABLE users(name TEXT, city TEXT, age INTEGER)",
    "CREATE TABLE orders(item TEXT, total INTEGER, year INTEGER)",
    "CREATE TABLE shops(owner TEXT, street TEXT, rating INTEGER)",
    "INSERT INTO users VALUES ('Ann', 'Rome', 34), ('Bob', 'Oslo', 19), ('Cy', 'Bonn', 51), ('Di', 'Nice', 27)",
    "INSERT INTO orders VALUES ('pen', 3, 2021), ('ink', 9, 2022), ('cup', 5, 2023), ('hat', 30, 2024)",
    "INSERT INTO shops VALUES ('Eva', 'Main', 3), ('Flo', 'Park', 4), ('Gus', 'Lake', 5), ('Hal', 'Hill', 2)",
)
COLUMNS = ("name", "city", "age", "item", "total", "year", "owner", "street", "rating")
SLOTS = (COLUMNS, ("users", "orders", "shops"), COLUMNS, ("> 20", "< 40", "= 5", "> 2022"))
GOLD = ((0, 0, 2, 0), (3, 1, 5, 3), (7, 2, 8, 2))
START = -3.0  # logit of the right choice of every slot; the others have 0
GROUP, STEPS, RATE = 16, 600, 0.5


def _written(choice: tuple[int, ...]) -> str:
    column, table, tested, test = (slot[k] for slot, k in zip(SLOTS, choice, strict=True))
    query = f"SELECT {column} FROM {table} WHERE {tested} {test}"
    return f"<reasoning>\nr\n</reasoning>\n<answer>\n```sql\n{query}\n```\n</answer>\n"


@lru_cache(maxsize=1)
def _values() -> dict[str, Floats]:
    """(questions, choices of every slot ...) what each query is worth to each question, by reward."""
    choices = list(product(*(range(len(slot)) for slot in SLOTS)))
    batch = Batch(
        [_written(choice) for _ in GOLD for choice in choices],
        gold_sql=[_written(gold).split("```")[1].removeprefix("sql\n") for gold in GOLD for _ in choices],
        database=[DATABASE] * (len(GOLD) * len(choices)),
    )
    rewards: dict[str, Reward] = {"partial": PAPER.build(), "execution": PAPER.build().terms[0]}
    shape = (len(GOLD), *map(len, SLOTS))
    return {name: reward.score(batch).values.reshape(shape) for name, reward in rewards.items()}


def _learned(seed: int, reward: str) -> float:
    """Mean probability of the right query once trained; slots are drawn independently."""
    rng = np.random.default_rng(seed)
    shares = []
    for gold, values in zip(GOLD, _values()[reward], strict=True):
        policy = [np.where(np.arange(len(slot)) == right, START, 0.0) for slot, right in zip(SLOTS, gold, strict=True)]
        for _ in range(STEPS):
            odds = [np.exp(logits) / np.exp(logits).sum() for logits in policy]
            picked = [(rng.random((GROUP, 1)) > table.cumsum()[:-1]).sum(axis=1) for table in odds]
            gains = grpo(values[tuple(picked)], np.zeros(GROUP, dtype=np.int64))
            if gains.any():
                for logits, table, drawn in zip(policy, odds, picked, strict=True):
                    logits += RATE * (np.bincount(drawn, gains, len(logits)) - gains.sum() * table) / GROUP
        shares.append(float(np.prod([(np.exp(logits) / np.exp(logits).sum())[right] for logits, right in zip(policy, gold, strict=True)])))
    return float(np.mean(shares))


CLAIMS = (
    Claim(
        paper="reasoning-sql",
        says="Partial rewards teach a query that is never sampled right at the start; execution alone gives no gradient",
        measure="probability of the right query after 600 updates",
        ours="execution + partial rewards",
        baseline="execution alone",
        run=lambda seed: (_learned(seed, "partial"), _learned(seed, "execution")),
        seeds=10,
    ),
)
