"""ARR and RPO: variant ``"official"``; the loop is played by the method itself, on scripted replies."""

from __future__ import annotations

import json
from itertools import chain, repeat
from typing import Any

from guerdon import Batch, find_paper
from guerdon.papers.arr_rpo import generator, rpo_loss, sde_step
from guerdon.rubrics.examples import Example
from guerdon.rubrics.externalised import same_order
from guerdon.rubrics.method import Made, played
from guerdon.shaping.coding_rate import coding_rate

REWARD = find_paper("arr-rpo").build("official")
WRITTEN = {True: json.dumps({"rubrics": ["The response is right."]}), False: "I cannot."}


def _rewards(rank: list[float]) -> list[float]:
    return list(REWARD.score(Batch([str(k) for k in range(len(rank))], groups=[0] * len(rank), rank=rank)).values)


def _rounds(judged: Any, revised: str) -> Any:
    return chain.from_iterable(zip(map(json.dumps, ({"rank": rank} for rank in judged)), repeat(revised), strict=False))


def _replies(generation_ok: bool, scripted_ranks: list[list[float]], revision_ok: bool) -> Any:
    return chain(
        [WRITTEN[generation_ok]], _rounds(chain(scripted_ranks, *repeat(scripted_ranks[-1:], 99)), WRITTEN[revision_ok])
    )


def _example(label_rank: list[float]) -> Example:
    return Example("Which?", tuple(f"answer {k}" for k in range(len(label_rank))), tuple(label_rank))


def _loop(label_rank: list[float], max_epochs: int, replies: Any) -> Made:
    return played(generator("official", count=1, epochs=max_epochs, attempts=1).work(_example(label_rank)), replies)


def _outcome(made: Made) -> dict[str, Any]:
    return {"valid": made.status == "kept", **made.details, "epoch": str(made.details["epoch"])}


PARTS = {
    "rank_to_rewards": _rewards,
    "rubric_validated": lambda predicted_rank, label_rank: same_order(predicted_rank, label_rank),
    "generate_verify_revise": lambda generation_ok, scripted_ranks, label_rank, max_epochs, revision_ok: _outcome(
        _loop(label_rank, max_epochs, _replies(generation_ok, scripted_ranks, revision_ok))
    ),
    "coding_rate": lambda embeddings, eps: coding_rate(embeddings, eps),
    "rpo_loss": lambda **inputs: rpo_loss(**inputs),
    "sde_step_logprob": lambda velocity, latents, eta, sigmas, index, prev_sample: sde_step(
        velocity, latents, prev_sample, sigmas, index, eta=eta
    ),
}
