"""Contrastive-GRPO for multilingual text-to-SQL: execution, and nearness to the own question rather than to others'."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np

from guerdon.combine import Gate, Sum
from guerdon.paper import OURS, PUBLISHED, Paper
from guerdon.reward import Reward
from guerdon.rewards import SQLContrast, SQLExecution, SQLSyntax
from guerdon.text.sql import normalize_sql

PAPER = Paper(
    slug="contrastive-text2sql",
    title="Bridging the Semantic Gap: Contrastive Rewards for Multilingual Text-to-SQL",
    year=2025,
    arxiv="2510.13827",
    kind="reward",
    parts={
        "execution reward beside a multilingual contrastive one": PUBLISHED,
        "softmax and margin forms, temperature 0.1, in-batch negatives": OURS,
        "gate on running, weights (1, 0.5)": OURS,
        "hard negatives": OURS,
    },
    columns=("database", "gold_sql", "question"),
    range=(0.0, 1.5),
    variants=("default", "margin", "gold-anchored"),
)

ENCODER = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"


def build(
    variant: str = "default",
    *,
    encoder: Any = ENCODER,
    question: str = "question",
    gold: str = "gold_sql",
    database: str = "database",
    negatives: str | None = None,
    root: str = "",
    weights: tuple[float, float] = (1.0, 0.5),
    runs: float = 0.0,
    temperature: float = 0.1,
    describe: bool = True,
    lone: Literal["score", "skip"] = "score",
    seconds: float = 30.0,
) -> Reward:
    """0 where the query does not run, else w_exec * same result + w_con * contrast + ``runs``.

    The contrast is the softmax form; ``"margin"`` is the margin form; ``"gold-anchored"`` puts the gold query in the question's
    place. Semantic accuracy, the paper's second metric, is a judge's and not to be trained on.

    Args:
        encoder: a sentence encoder that knows the questions' languages; check that it finds the gold query of a question
            among others (:func:`retrieval_accuracy`) before training with it.
        question, gold, database, root: columns, and the folder of the databases.
        negatives: column of lists of other questions' queries (:func:`hard_negatives`); None: those of the batch.
        weights: of execution and contrast.
        runs: what a query that merely runs is worth.
        temperature, describe, lone: of :class:`~guerdon.rewards.sql_contrast.SQLContrast`.
        seconds: processor time of a statement.
    """
    runnable = SQLSyntax(database=database, root=root, seconds=seconds)
    terms: list[Reward] = [
        SQLExecution(gold=gold, database=database, root=root, seconds=seconds),
        SQLContrast(
            question=question,
            gold=gold,
            negatives=negatives,
            encoder=encoder,
            temperature=temperature,
            form="margin" if variant == "margin" else "softmax",
            anchor="gold" if variant == "gold-anchored" else "question",
            describe=describe,
            lone=lone,
        ),
    ]
    bonus = [runs] if runs else []
    return Gate(runnable, Sum(*terms, *([runnable] if runs else []), weights=(*weights, *bonus)), at_least=1.0)


def hard_negatives(
    golds: Sequence[str], databases: Sequence[Hashable] | None = None, *, limit: int = 16, seed: int = 0
) -> list[list[str]]:
    """For each question up to ``limit`` gold queries of others, those on its own database first, to be kept as a column.

    Queries written alike count once and a question's own is left out, so that its translations are too. Which are taken is drawn
    with ``seed``.

    >>> hard_negatives(["SELECT a", "select a;", "SELECT b", "SELECT c"], ["x", "x", "y", "x"], limit=1)
    [['SELECT c'], ['SELECT c'], ['SELECT c'], ['SELECT a']]
    """
    rng = np.random.default_rng(seed)
    places: Sequence[Hashable] = [None] * len(golds) if databases is None else databases
    normal = [normalize_sql(gold) for gold in golds]
    chosen = []
    for own, place in zip(normal, places, strict=True):
        order = rng.permutation(len(golds)).tolist()
        order.sort(key=lambda j: places[j] != place)
        distinct = {normal[j]: golds[j] for j in reversed(order) if normal[j] != own}
        chosen.append(list(reversed(distinct.values()))[:limit])
    return chosen


def retrieval_accuracy(questions: Any, queries: Any) -> float:
    """Share of questions whose own query is nearest, by cosine; both (N, d) embeddings of pairs in the same order.

    >>> retrieval_accuracy([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.9, 0.0]])
    0.5
    """
    left, right = np.asarray(questions, dtype=np.float64), np.asarray(queries, dtype=np.float64)
    lengths = np.linalg.norm(right, axis=1)
    cosines = (left @ right.T) / np.where(lengths > 0, lengths, 1.0)
    return float((cosines.argmax(axis=1) == np.arange(len(left))).mean())
