"""Reasoning-SQL: the official variant throughout."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, Reward, find_paper
from guerdon.models.chat import ScriptedChat
from guerdon.rewards import SchemaLinking, SQLExecution, SQLNgram, SQLSyntax, XMLCount, XMLFormat
from guerdon.text.code import extract_sql

PAPER = find_paper("reasoning-sql")
COLUMNS = {"gold_sql": [""], "database": [[]], "question": [""], "evidence": [""]}
EXECUTION = SQLExecution(variant="official")


def _value(reward: Reward, completion: str, **columns: Any) -> float:
    return float(
        reward.score(Batch([completion], columns={**COLUMNS, **{k: [v] for k, v in columns.items()}})).values[0]
    )


def _judged(judge_reply: str) -> Reward:
    return PAPER.build("official", chat=ScriptedChat({}, default=judge_reply))


def _execution_or_judge(completion: str, gold_sql: str, database: list[str], judge_reply: str) -> float:
    return _value(_judged(judge_reply).terms[0], completion, gold_sql=gold_sql, database=database)


PARTS = {
    "extract_sql": lambda completion: extract_sql(completion, variant="official"),
    "schema_linking_reward": lambda **inputs: _value(SchemaLinking(variant="official"), **inputs),
    "ngram_reward": lambda **inputs: _value(SQLNgram(variant="official"), **inputs),
    "xml_count_reward": lambda completion: _value(XMLCount(variant="official"), completion),
    "soft_format_reward": lambda completion: _value(0.5 * XMLFormat(), completion),
    "strict_format_reward": lambda completion: _value(0.5 * XMLFormat(strict=True), completion),
    "execution_or_judge_reward": _execution_or_judge,
    "execution_only_reward": lambda **inputs: _value(2.0 * EXECUTION, **inputs),
    "syntax_reward": lambda **inputs: _value(SQLSyntax(variant="official"), **inputs),
    "total_reward": lambda judge_reply, **inputs: _value(_judged(judge_reply), **inputs),
}
