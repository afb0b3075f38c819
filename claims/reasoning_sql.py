"""Reasoning-SQL: where the right query is hardly ever drawn, execution alone teaches nothing and partial rewards do."""

from __future__ import annotations

import numpy as np

from claims.claim import Claim
from claims.tabular import grpo
from guerdon import Batch, Reward, find_paper

PAPER = find_paper("reasoning-sql")
DATABASE = (
    "CREATE TABLE users(name TEXT, age INTEGER)",
    "CREATE TABLE orders(item TEXT, total INTEGER)",
    "CREATE TABLE shops(owner TEXT, rating INTEGER)",
    "INSERT INTO users VALUES ('Ann', 34), ('Bob', 19), ('Cy', 51), ('Di', 27)",
    "INSERT INTO orders VALUES ('pen', 3), ('ink', 29), ('cup', 41), ('hat', 30)",
    "INSERT INTO shops VALUES ('Eva', 33), ('Flo', 24), ('Gus', 5), ('Hal', 22)",
)
COLUMNS = ("name", "age", "item", "total", "owner", "rating")
TESTS = ("> 20", "< 40", "= 5", "<> 30")
# What is selected, from which table, the tested column, the test, the sort key, the limit: 7,776 queries, one of them right.
SLOTS = (COLUMNS, ("users", "orders", "shops"), COLUMNS, TESTS, COLUMNS, ("1", "2", "3"))
GOLD = ((0, 0, 1, 0, 1, 1), (2, 1, 3, 1, 3, 2), (4, 2, 5, 0, 4, 1))
GROUP, STEPS, RATE = 8, 150, 0.5


def _query(choice: tuple[int, ...]) -> str:
    column, table, tested, test, key, limit = (slot[k] for slot, k in zip(SLOTS, choice, strict=True))
    return f"SELECT {column} FROM {table} WHERE {tested} {test} ORDER BY {key} LIMIT {limit}"


def _completion(choice: tuple[int, ...]) -> str:
    return f"<reasoning>\nr\n</reasoning>\n<answer>\n```sql\n{_query(choice)}\n```\n</answer>\n"


def _learned(seed: int, reward: Reward, start: float = 0.0) -> float:
    """Probability of the right query after training a policy that draws every slot by itself.

    ``start`` is the first logit of each right choice; the others begin at 0.
    """
    rng = np.random.default_rng(seed)
    gold = GOLD[seed % len(GOLD)]
    policy = [np.where(np.arange(len(slot)) == right, start, 0.0) for slot, right in zip(SLOTS, gold, strict=True)]
    columns = {"gold_sql": [_query(gold)] * GROUP, "database": [DATABASE] * GROUP}
    for _ in range(STEPS):
        odds = [np.exp(logits) / np.exp(logits).sum() for logits in policy]
        drawn = [(rng.random((GROUP, 1)) > table.cumsum()[:-1]).sum(axis=1) for table in odds]
        batch = Batch([_completion(choice) for choice in zip(*drawn, strict=True)], ["q"] * GROUP, columns=columns)
        gains = grpo(reward.score(batch).values, batch.groups)
        for logits, table, picked in zip(policy, odds, drawn, strict=True):
            logits += RATE * (np.bincount(picked, gains, len(logits)) - gains.sum() * table) / GROUP
    return float(np.prod([np.exp(x)[k] / np.exp(x).sum() for x, k in zip(policy, gold, strict=True)]))


CLAIMS = (
    Claim(
        paper="reasoning-sql",
        says="Partial rewards find a query that is almost never drawn at the start, where execution alone gives no gradient",
        measure="probability of the right query after 150 updates (start: 0.0001)",
        ours="execution + partial rewards",
        baseline="execution alone",
        run=lambda seed: (_learned(seed, PAPER.build()), _learned(seed, PAPER.build().terms[0])),
        seeds=9,
    ),
    # Schema linking does not see where a name stands: the query with its columns swapped is reached first, and kept.
    Claim(
        paper="reasoning-sql",
        says="They also find it where the start is tilted against every one of its parts, so that its columns swapped are likelier",
        measure="share of runs that end with the right query more likely than not (first logits -1.5)",
        ours="execution + partial rewards",
        baseline="execution alone",
        run=lambda seed: (
            float(_learned(seed, PAPER.build(), -1.5) > 0.5),
            float(_learned(seed, PAPER.build().terms[0], -1.5) > 0.5),
        ),
        seeds=9,
    ),
)
