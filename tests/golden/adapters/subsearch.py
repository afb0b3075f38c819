"""SubSearch: variant ``"official"`` throughout."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from guerdon import Batch, Reward, find_paper
from guerdon.models.encoders import TableEncoder
from guerdon.papers.subsearch import formed
from guerdon.rewards import Answerability, Decomposition, Given, SearchAnswer, SearchForm
from guerdon.runtime import score
from guerdon.scores import Scores
from guerdon.shaping.decomposition import decomposition_score
from guerdon.shaping.schedules import adaptive_weight, adaptive_weight_initial, residual_weights
from guerdon.text.decoded_rollout import decoded_documents, decoded_queries, decoded_question
from guerdon.text.exact_match import exact_match

PAPER = find_paper("subsearch")
ANSWER = SearchAnswer(name="r_answer", variant="official")
FORM = SearchForm(variant="official")
UNUSED = {"-": [0.0]}


def _encoder(embeddings: dict[str, Any]) -> TableEncoder:
    """A table must hold something, also where nothing is looked up."""
    return TableEncoder(max(embeddings, UNUSED, key=len))


def _gate(
    r_answer_sequence: Sequence[float],
    beta_t_sequence: Sequence[float],
    beta_init: float = 0.2,
    min_beta: float = 0.02,
    ema_decay: float = 0.98,
    target_em: float = 0.65,
    ema_slope_tol: float = 5e-4,
    adaptive_rate: float = 0.2,
    max_beta_step: float = 0.01,
) -> list[dict[str, Any]]:
    return [
        {"beta": beta, **state}
        for beta, state in list(
            accumulate(
                zip(beta_t_sequence, r_answer_sequence, strict=True),
                lambda last, now: adaptive_weight(
                    now[0],
                    now[1],
                    last[1],
                    highest=beta_init,
                    floor=min_beta,
                    target=target_em,
                    tolerance=ema_slope_tol,
                    rate=adaptive_rate,
                    largest_step=max_beta_step,
                    decay=ema_decay,
                ),
                initial=(0.0, adaptive_weight_initial()),
            )
        )[1:]
    ]


def _schedule(
    training_step: int,
    alpha: float = 0.8,
    beta: float = 0.2,
    schedule_type: str = "linear",
    alpha_warmup_steps: int = 200,
    beta_decay_steps: int = 2000,
    min_beta: float = 0.02,
) -> tuple[float, float]:
    return residual_weights(
        training_step,
        alpha=alpha,
        beta=beta,
        kind=schedule_type,
        warmup_steps=alpha_warmup_steps,
        decay_steps=beta_decay_steps,
        floor=min_beta,
    )


def _formed(
    reward_score: float,
    solution_str: str,
    golden_answers: Any,
    structure_format_score: float = 0.0,
    final_format_score: float = 0.0,
    retrieval_score: float = 0.0,
) -> float:
    return float(
        formed(
            Given("value"),
            ANSWER,
            "official",
            form={"structure": structure_format_score, "final": final_format_score, "retrieval": retrieval_score},
        )
        .score(Batch([solution_str], value=[reward_score], golden_answers=[golden_answers]))
        .values[0]
    )


def _under(reward: Reward, batch: Batch, ema_state: float | None) -> Scores:
    """The scores after training that left the gate with this mean of outcomes."""
    return score(
        reward, batch, {reward.part_owners["beta"].fingerprint: {**adaptive_weight_initial(), "ema": ema_state}}
    )


def _combined(
    solution_str: str,
    golden_answers: Any,
    embeddings: dict[str, Any],
    training_step: int,
    ema_state: float | None = None,
) -> float:
    return float(
        _under(
            PAPER.build("official", encoder=_encoder(embeddings)),
            Batch([solution_str], golden_answers=[golden_answers], step=training_step),
            ema_state,
        ).values[0]
    )


PARTS = {
    "is_valid_sequence": lambda solution_str: {"valid": bool(FORM.score(Batch([solution_str])).values[0])},
    "extract_solution": lambda solution_str: ANSWER.answers(Batch([solution_str]))[0],
    "em_check": lambda prediction, golden_answers: int(exact_match(prediction, golden_answers, variant="official")),
    "extract_all_search_queries": lambda solution_str: decoded_queries(solution_str),
    "extract_all_information_blocks": lambda solution_str: decoded_documents(solution_str),
    "extract_question": lambda solution_str: decoded_question(solution_str),
    "score_decomposition": lambda parent_embedding, child_embeddings: decomposition_score(
        parent_embedding, child_embeddings
    ),
    "schedule_alpha_beta": _schedule,
    "adaptive_beta_gate_sequence": _gate,
    "r_answerability": lambda solution_str, embeddings, first_k=3: float(
        Answerability(encoder=_encoder(embeddings), documents=first_k, variant="official")
        .score(Batch([solution_str]))
        .values[0]
    ),
    "r_decomposition": lambda solution_str, embeddings, original_query: float(
        Decomposition(encoder=_encoder(embeddings), variant="official")
        .score(Batch([solution_str], question=[original_query]))
        .values[0]
    ),
    "add_formatting": _formed,
    "combined_reward": _combined,
}
