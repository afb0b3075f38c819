"""From scored samples to preference pairs, as trainers of the DPO kind read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.reward import Reward
from guerdon.scores import Scores
from guerdon.shaping.selection import best_and_worst, ordered_pairs
from guerdon.text.dialogues import message
from guerdon.text.trajectory import completion_text

Pick = Literal["best_worst", "all"]


def preference_pairs(
    batch: Batch, scoring: Reward | Scores | ArrayLike, *, pick: Pick = "best_worst", margin: float = 0.0
) -> list[dict[str, Any]]:
    """Rows with ``prompt``, ``chosen`` and ``rejected`` (and both scores) from several scored samples per prompt.

    ``datasets.Dataset.from_list(rows)`` is what TRL's DPOTrainer takes. A prompt of chat messages gets ``chosen`` and
    ``rejected`` as messages, and so does a text prompt whose completions are messages. Unscored samples take no part; samples
    that say the same make no pair; a prompt whose samples are worth the same gives no row.

    Args:
        batch: samples, siblings sharing a group.
        scoring: a reward, its scores, or (N,) values; NaN is unscored.
        pick: ``"best_worst"``: one pair per prompt, the first on ties; ``"all"``: every pair of siblings.
        margin: how much more the chosen must be worth, exclusive.

    Raises:
        UserError: no prompts, a number of values other than of samples, or an unknown ``pick``.

    >>> batch = Batch(["4", "5", "six"], ["2+2?"] * 3)
    >>> preference_pairs(batch, [1.0, 0.5, 0.0])
    [{'prompt': '2+2?', 'chosen': '4', 'rejected': 'six', 'chosen_score': 1.0, 'rejected_score': 0.0}]
    """
    if batch.prompts is None:
        raise UserError("batch has no prompts; preference data needs them")
    if pick not in ("best_worst", "all"):
        raise UserError(f"pick={pick!r} is unknown; choices: best_worst, all")
    if isinstance(scoring, Reward):
        scoring = scoring.score(batch)
    values = np.asarray(scoring.values if isinstance(scoring, Scores) else scoring, dtype=np.float64)
    if values.shape != (len(batch),):
        raise UserError(f"scoring has shape {values.shape} for {len(batch)} samples; give one value per sample")
    choose = best_and_worst if pick == "best_worst" else ordered_pairs
    rows = []
    for chosen, rejected in choose(values, batch.groups, margin=margin).tolist():
        prompt, better, worse = batch.prompts[chosen], batch.completions[chosen], batch.completions[rejected]
        if better == worse:
            continue
        rows.append(
            preference_row(prompt, better, worse)
            | {"chosen_score": float(values[chosen]), "rejected_score": float(values[rejected])}
        )
    return rows


def preference_row(prompt: Any, chosen: Any, rejected: Any) -> dict[str, Any]:
    """One row, conversational throughout or text throughout.

    >>> preference_row([{"role": "user", "content": "2+2?"}], "4", "5")["chosen"]
    [{'role': 'assistant', 'content': '4'}]
    """
    chat = any(not isinstance(value, str) for value in (prompt, chosen, rejected))
    if not chat:
        return {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    return {
        "prompt": _messages(prompt, "user"),
        "chosen": _messages(chosen, "assistant"),
        "rejected": _messages(rejected, "assistant"),
    }


def text_of(said: Any) -> str:
    """What a prompt, chosen or rejected of either form says.

    >>> text_of([{"role": "assistant", "content": "4"}]), text_of("4")
    ('4', '4')
    """
    return completion_text(said, roles=None)


def _messages(said: Any, role: str) -> list[dict[str, Any]]:
    if isinstance(said, str):
        return [dict(message(role, said))]
    turns: Sequence[Mapping[str, Any]] = [said] if isinstance(said, Mapping) else said
    return [dict(turn) for turn in turns]
