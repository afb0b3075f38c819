"""Reasoning-SQL: execution, a judge's partial credit where it fails, and rewards on syntax, schema, wording and form."""

from __future__ import annotations

from typing import Any

from guerdon.combine import Gate, Sum
from guerdon.models.sql_rating import SQLRating
from guerdon.paper import OURS, RELEASED, Paper
from guerdon.reward import Reward
from guerdon.rewards import Judged, SchemaLinking, SQLExecution, SQLNgram, SQLQuery, SQLSyntax, XMLCount, XMLFormat

PAPER = Paper(
    slug="reasoning-sql",
    title="Reasoning-SQL: Reinforcement Learning with SQL Tailored Partial Rewards for Reasoning-Enhanced Text-to-SQL",
    year=2025,
    arxiv="2503.23157",
    kind="reward",
    parts={
        "execution, syntax, schema linking, n-gram and tag-count rewards": RELEASED,
        "their unit weights and the 3.0 of a match": RELEASED,
        "judge only where execution fails": RELEASED,
        "execution-only ablation": RELEASED,
        "multiset comparison, ordered where the gold query is": OURS,
        "judge prompt, judge score clipped to [0, 2]": OURS,
        "read-only execution": OURS,
    },
    columns=("gold_sql", "database"),
    range=(-0.5, 6.5),
    variants=("default", "official", "execution-only"),
)


def build(
    variant: str = "default",
    *,
    gold: str = "gold_sql",
    database: str = "database",
    root: str = "",
    chat: Any = None,
    protocol: Any = None,
    match: float | None = None,
    weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0),
    seconds: float = 30.0,
    dialect: str = "sqlite",
) -> Reward:
    """r_exec + r_syntax + r_schema + r_ngram + r_xml, at most 3 + 1 + 1 + 1 + 0.5.

    r_exec is 3 where the query returns what the gold query returns, elsewhere a judge's 0 to 2, asked only there and only where
    there is a query; 0 without a judge. ``"official"`` follows the released code in every quirk: results as sets, empty ones never
    right, upper-case SELECT required, judge scores unclipped, whatever cannot be scored worth 0. ``"execution-only"``, the paper's
    ablation, is 2 for a match and the three rewards on form.

    Args:
        variant: one of ``PAPER.variants``.
        gold, database, root: column of the gold query; column and folder of the databases (``db_id`` names go with ``root``).
        chat, protocol: the judge; the protocol is :class:`~guerdon.models.sql_rating.SQLRating` unless given.
        match: what the gold query's result is worth; None: 3, or 2 for ``"execution-only"``.
        weights: of syntax, schema, wording and form.
        seconds: processor time of a statement.
        dialect: what the parser reads.
    """
    quirks: Any = "official" if variant == "official" else "default"
    engine = {
        "root": root,
        "seconds": seconds,
        "variant": quirks,
        "engine": "duckdb" if dialect == "duckdb" else "sqlite",
    }
    execution = SQLExecution(gold=gold, database=database, **engine)
    if variant == "execution-only":
        forms = (XMLCount(), 0.5 * XMLFormat(name="soft_format"), 0.5 * XMLFormat(strict=True, name="strict_format"))
        return Sum(execution, *forms, weights=(2.0 if match is None else match, 1.0, 1.0, 1.0))
    judge = None if chat is None else Judged(chat, protocol or SQLRating(gold=gold, variant=quirks))
    terms = (
        execution_or_judge(execution, judge, 3.0 if match is None else match),
        SQLSyntax(database=database, **engine),
        SchemaLinking(gold=gold, dialect=dialect, variant=quirks),
        SQLNgram(gold=gold, dialect=dialect, variant=quirks),
        XMLCount(variant=quirks),
    )
    return Sum(*terms, weights=(1.0, *weights), missing="zero" if variant == "official" else "nan")


def execution_or_judge(execution: SQLExecution, judge: Reward | None = None, match: float = 3.0) -> Reward:
    """``match`` where the query returns the right rows, elsewhere what the judge says; 0, and no judge asked, without a query.

    Under ``variant="official"`` a judge that gives no number gives 0, and one may say more than ``match``.
    """
    if judge is None:
        return Sum(execution, weights=(match,), name="execution_or_judge")
    official = execution.official
    failed = execution.then("affine", scale=-1.0, shift=1.0)
    either: Reward = Sum(execution, Gate(failed, judge), weights=(match, 1.0), missing="zero" if official else "nan")
    either = either if official else either.then("clip", low=0.0, high=match)
    return Gate(SQLQuery(variant=execution.variant), either, name="execution_or_judge")
