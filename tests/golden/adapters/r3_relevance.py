"""R^3: variant ``"official"`` throughout; the relevance of ``r3_reward`` is given."""

from __future__ import annotations

from typing import Any

from guerdon import Batch, find_paper
from guerdon.papers.r3_relevance import linear_interpolation
from guerdon.rewards import DistinctNgrams, LengthIncentive
from guerdon.rewards.relevance import masked_mean
from guerdon.text.chat_template import STOPS, user_turns

PAPER = find_paper("r3-relevance")
STOP = {True: STOPS, False: ()}


def _length(completion: str, strip_stop_strings: bool = True) -> float:
    return float(LengthIncentive(of="whole", stop=STOP[strip_stop_strings]).score(Batch([completion])).values[0])


def _repetition(completion: str, strip_stop_strings: bool = True) -> float:
    return float(
        DistinctNgrams(of="whole", empty=1.0, stop=STOP[strip_stop_strings]).score(Batch([completion])).values[0]
    )


def _reward(samples: list[dict[str, Any]], options: dict[str, Any], strip_stop_strings: bool = True) -> list[float]:
    return list(
        PAPER.build("official", scores="relevance", stop=STOP[strip_stop_strings], **options)
        .score(Batch.from_records(samples))
        .values
    )


PARTS = {
    "length_incentive": _length,
    "repetition_penalty": _repetition,
    "linear_interpolation": linear_interpolation,
    "r3_reward": _reward,
    "raw_query": lambda templated_prompt, qtype, reference: {"CONSTRAINED": reference}.get(
        qtype, user_turns(templated_prompt)
    ),
    "relevance_dot": lambda query_token_embeddings, query_mask, response_token_embeddings, response_mask: float(
        masked_mean(query_token_embeddings, query_mask) @ masked_mean(response_token_embeddings, response_mask)
    ),
}
