"""R3-RAG: variant ``"official"`` throughout; ``relevance_score`` and ``relevance_fallback`` are its two ways to a number."""

from __future__ import annotations

from collections.abc import Sequence

from guerdon.models.protocols.relevance import fallback_relevance, read_relevance
from guerdon.models.protocols.true_false import read_truth
from guerdon.papers.r3_rag import three_axis_score
from guerdon.shaping.step_outcome import outcome_modulated
from guerdon.text.exact_match import matches_written_form
from guerdon.text.headed_steps import read_step


def _correct(answer: str, golden_answers: Sequence[str], judge_output: str | None) -> bool:
    """The judge is asked where no spelling matches."""
    return any([matches_written_form(answer, golden_answers), read_truth(judge_output, variant="official")])


PARTS = {
    "parse_step": lambda step_text: read_step(step_text, variant="official"),
    "answer_correct_string_path": _correct,
    "answer_correct_judge_path": _correct,
    "relevance_score": lambda judge_output, retrieved_docs="": read_relevance(judge_output, variant="official"),
    "relevance_fallback": lambda analysis, retrieved_docs, judge_output=None: fallback_relevance(
        analysis, retrieved_docs
    ),
    "three_axis_score": lambda judge_output, retrieved_docs: three_axis_score(judge_output, retrieved_docs),
    "trajectory_rewards": lambda state, relevance, answer_correct=None, mode="prm_orm": outcome_modulated(
        relevance, state, answer_correct, mode=mode, digits=3
    ),
}
