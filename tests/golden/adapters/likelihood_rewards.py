"""Likelihood rewards: RLPR, VeriFree and NOVER as released (variants ``"rlpr"``, ``"verifree"``, ``"nover-official"``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from guerdon import Batch, Reward
from guerdon.models.lm import ScriptedLM
from guerdon.papers.likelihood_rewards import build
from guerdon.rewards import PerplexityRank, ReasoningForm, RepeatedWindow
from guerdon.shaping.advantages import grpo_advantage, jepo_advantage, rloo_advantage
from guerdon.shaping.gain import binned_gain, shape_gain
from guerdon.shaping.length import short_penalty
from guerdon.shaping.likelihood import (
    as_bfloat16,
    likelihood_metrics,
    log_mean_exp,
    perplexity,
    sequence_likelihood,
)

RLPR_AGGREGATES: dict[str, Any] = {
    "mean_exp_log_softmax": "mean_prob",
    "mean_log_softmax": "mean",
    "exp_sum_log_softmax": "prob",
    "exp_mean_log_softmax": "exp_mean",
}
BINS = {f"bin_{number}": number for number in range(1, 1001)}
RLPR_FORMS: dict[str, Any] = {"R1": "begun", "R1_nothink": "answered"}
SINGLE_PRECISION = 3.4028234663852886e38


def _value(reward: Reward, completion: str, **columns: Any) -> float:
    return float(reward.score(Batch([completion], ["q"], columns={k: [v] for k, v in columns.items()})).values[0])


def _rlpr_reward(
    response: str,
    answer_token_logprobs: list[float],
    answer_prob_without_reasoning: float,
    shaping: str,
    format_coefficient: float,
    discrete: str | None = None,
) -> float:
    return _value(
        build(
            "rlpr",
            lm=ScriptedLM({"r": answer_token_logprobs, " r": answer_token_logprobs}),
            baseline="alone",
            shape=shaping,
            bins=BINS.get(str(discrete)),
            format_coefficient=format_coefficient,
        ),
        response,
        reference="r",
        alone=answer_prob_without_reasoning,
    )


def _verifree(answer_token_logprobs: list[float], missing_answer_tag: bool, truncated: bool) -> float:
    return _value(
        build("verifree", lm=ScriptedLM({"> \\boxed{ r } </answer>": answer_token_logprobs}), truncated="cut"),
        {True: "", False: "<think>a</think><answer>"}[missing_answer_tag],
        reference="r",
        cut=truncated,
    )


def _nover(completions: Sequence[str], perplexities: Sequence[float | None], reference: str, part: str) -> Any:
    """Scripted perplexities, told apart by prompt; none is an impossible reference."""
    return (
        PerplexityRank(
            ScriptedLM(
                {
                    str(i): {f"\n<answer>\n{reference}\n</answer>": [-logarithm]}
                    for i, logarithm in enumerate(
                        np.log(np.nan_to_num(np.array(perplexities, dtype=float), nan=np.inf))
                    )
                }
            ),
            forgiving=False,
            ties_by="order",
        )
        .score(
            Batch(
                completions,
                [str(i) for i in range(len(completions))],
                groups=[0] * len(completions),
                reference=[reference] * len(completions),
            )
        )
        .parts[part]
    )


PARTS: dict[str, Any] = {
    "rlpr_score": lambda token_logprobs, answer_mask, aggregate: as_bfloat16(
        sequence_likelihood(token_logprobs, RLPR_AGGREGATES[aggregate], mask=answer_mask, empty=0.0)
    ),
    "rlpr_shaping": lambda shaping, values: shape_gain(values, shape=shaping),
    "rlpr_format": lambda response, format_mode="R1": _value(
        ReasoningForm(f"{RLPR_FORMS.get(format_mode, format_mode)}"), response
    ),
    "rlpr_bins": lambda score, num_bins: binned_gain(score, num_bins),
    "rlpr_reward": _rlpr_reward,
    "rlpr_repetition": lambda text, window_size=10, max_repetitions=6: _value(
        RepeatedWindow(window_size, max_repetitions), text
    ),
    "rlpr_group_advantage": lambda rewards, group_ids: grpo_advantage(
        rewards, group_ids, ddof=1, eps=1e-6, min_std=1e-6, single="raw"
    ),
    "rloo_advantage": lambda rewards, num_generations: rloo_advantage(
        rewards, np.arange(len(rewards)) // num_generations
    ),
    "verifree_reward": _verifree,
    "nover_format": lambda completion: _value(ReasoningForm("bare"), completion),
    "nover_reasoning_rank": lambda completions, perplexities, reference="gold", **_: _nover(
        completions, perplexities, reference, "perplexity_rank"
    ),
    "nover_efficiency": lambda completions, perplexities, reference="gold", **_: _nover(
        completions, perplexities, reference, "perplexity_rank/efficiency"
    ),
    "nover_perplexity": lambda target_token_logprobs, reasoning_num_tokens: {
        "perplexity_length_normalised": perplexity(
            target_token_logprobs, reasoning_tokens=reasoning_num_tokens, largest=SINGLE_PRECISION
        ),
        "perplexity": perplexity(target_token_logprobs, largest=SINGLE_PRECISION),
    },
    "paper_rewards": lambda answer_token_logprobs: {
        "logprob": sequence_likelihood(answer_token_logprobs, "sum"),
        "avg_logprob": sequence_likelihood(answer_token_logprobs, "mean"),
        "prob": sequence_likelihood(answer_token_logprobs, "prob"),
        "avg_prob": sequence_likelihood(answer_token_logprobs, "mean_prob"),
        "perplexity": perplexity(answer_token_logprobs),
    },
    "jepo": lambda answer_logprobs: {
        "group_reward": log_mean_exp(answer_logprobs),
        "advantages": jepo_advantage(answer_logprobs, [0] * len(answer_logprobs)),
    },
    "paper_rloo": lambda rewards: rloo_advantage(rewards, [0] * len(rewards)),
    "logprob_mc": lambda answer_logprobs: log_mean_exp(answer_logprobs),
    "cot_length_penalty": lambda cot_num_tokens, min_tokens, per_token: float(
        short_penalty([cot_num_tokens], minimum=min_tokens, per_unit=per_token)[0]
    ),
    "base_rl_reward": lambda response, reference: _value(build("base"), response, reference=reference),
    "dataset_metrics": lambda answer_token_logprobs_per_item: likelihood_metrics(answer_token_logprobs_per_item),
}
