"""BLEUBERI: variant ``"official"`` where completions are given (nothing else differs from the default)."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.papers.bleuberi import SingleLineForm, human_agreement, select_prompts
from guerdon.rewards import Bleu, Given
from guerdon.text.answers import answer_or_all

PAPER = find_paper("bleuberi")
BLEU_RM = sum(0.5 * Given(name, name=name).then("zscore", ddof=1, eps=1e-6) for name in ("bleu", "rm"))


def _scored(variant: str, completions: list[Any], references: list[list[str]]) -> list[float]:
    return list(PAPER.build(variant).score(Batch(completions, ["q"] * len(completions), references=references)).values)


def _bleu_rm(bleu_scores: list[float], rm_scores: list[float]) -> Any:
    return BLEU_RM.score(Batch(["y"] * len(rm_scores), ["q"] * len(rm_scores), bleu=bleu_scores, rm=rm_scores)).values


def _measure(measure: str, completion: Any, references: list[str]) -> float:
    return float(
        Bleu(reference="references", measure=measure, of="answer-or-whole")
        .score(Batch([completion], references=[references]))
        .values[0]
    )


PARTS = {
    "bleu_reward": lambda completion, references: _scored("official", [completion], [references])[0],
    "rouge_l_reward": lambda completion, references: _scored("rouge", [completion], [references])[0],
    "bleu_rouge_f1_reward": lambda completion, references: _scored("bleu-rouge", [completion], [references])[0],
    "bleu_without_brevity_penalty": lambda completion, references: _measure("precision", completion, references),
    "brevity_penalty_only": lambda completion, references: _measure("brevity", completion, references),
    "extract_answer": lambda completion: answer_or_all(completion),
    "bleu_reward_func": lambda completions, references: _scored("official", completions, references),
    "format_reward": lambda completion: float(SingleLineForm().score(Batch([completion])).values[0]),
    "bleu_plus_rm_group_zscore": _bleu_rm,
    "difficulty_selection": lambda scores, mode, num_examples: select_prompts(
        [row["id"] for row in scores], [row["score"] for row in scores], num_examples, mode=mode
    ),
    "human_agreement": lambda score_a, score_b, winner: human_agreement(score_a, score_b, winner),
}
