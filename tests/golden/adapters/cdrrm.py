"""CDRRM: variant ``"official"`` (an unknown winner is A, consistency is the synthesiser's own report)."""

from __future__ import annotations

from typing import Any

from guerdon.papers.cdrrm import (
    clean_rubric,
    diagnosis_errors,
    extract_json,
    format_rubric_text,
    judge_metrics,
    normalise_pair,
    rubric_errors,
    self_consistent,
)
from guerdon.text.winners import evaluated_winner, first_winner


def _verdict(errors: int) -> dict[str, Any]:
    return {"valid": errors == 0, "n_errors": errors}


PARTS = {
    "parse_winner_eval": lambda completion: evaluated_winner(completion),
    "parse_winner_train_data": lambda completion: first_winner(completion),
    "format_rubric_text": lambda completion: format_rubric_text(completion),
    "preference_consistent": lambda pair_consistency_check: self_consistent(pair_consistency_check),
    "clean_rubric": lambda rubric: clean_rubric(rubric),
    "judge_metrics": lambda predicted, gold: judge_metrics(predicted, gold),
    "extract_json": lambda text: extract_json(text),
    "normalise_pair": lambda pair, index: normalise_pair(pair, index, variant="official"),
    "diagnosis_valid": lambda findings, label, instruction_id: _verdict(
        diagnosis_errors(findings, label, instruction_id)
    ),
    "rubric_valid": lambda rubric, instruction_id, pair_id: _verdict(rubric_errors(rubric, instruction_id, pair_id)),
}
