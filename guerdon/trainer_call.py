"""The call that trainers of the TRL convention make: ``f(prompts=, completions=, **columns) -> list[float | None]``.

The convention is TRL's and is spoken by ms-swift, Unsloth, Axolotl and others. Chat and plain formats both arrive as they are;
groups are found by equal prompts. A reward tied to siblings, or one with state, must see the whole batch: with several
``torch.distributed`` ranks every rank gathers, always, scores, and keeps its slice.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.reward import Reward, reward_of
from guerdon.scores import Floats, Scores

if TYPE_CHECKING:
    from guerdon.scorer import Scorer

NOT_COLUMNS = frozenset({"log_extra", "log_metric", "environments"})


def call(
    scoring: Reward | Scorer,
    prompts: Sequence[Any] | None = None,
    completions: Sequence[Any] | None = None,
    completion_ids: Sequence[Sequence[int]] | None = None,
    *,
    log_extra: Callable[[str, list[Any]], None] | None = None,
    log_metric: Callable[[str, float], None] | None = None,
    **columns: Any,
) -> list[float | None]:
    """Score one trainer batch; NaN becomes None, parts go to ``log_metric`` and ``log_extra``.

    Raises:
        UserError: no completions, a reward with state called without its scorer, or a sibling group that stays incomplete.
    """
    _, own, scores = scored(scoring, prompts, completions, completion_ids, **columns)
    scores = scores if own is None else scores.select(own)
    log(scoring.__name__, scores, log_extra, log_metric)
    return optional(scores.values)


def scored(
    scoring: Reward | Scorer,
    prompts: Sequence[Any] | None,
    completions: Sequence[Any] | None,
    completion_ids: Sequence[Sequence[int]] | None = None,
    **columns: Any,
) -> tuple[Batch, NDArray[np.int64] | None, Scores]:
    """The batch a call scores, which of its rows are this process's (None: all), and the scores of the whole; state moves on."""
    reward = reward_of(scoring)
    if scoring is reward and reward.stateful:
        raise UserError(
            f"reward {reward.name!r} keeps state in training; give the trainer reward.scorer() instead of the reward"
        )
    batch, own = trainer_batch(reward, prompts, completions, completion_ids, **columns)
    return batch, own, scoring.score(batch) if isinstance(scoring, Reward) else scoring.advance(batch)


def trainer_batch(
    reward: Reward,
    prompts: Sequence[Any] | None,
    completions: Sequence[Any] | None,
    completion_ids: Sequence[Sequence[int]] | None = None,
    *,
    trainer_state: Any = None,
    **columns: Any,
) -> tuple[Batch, NDArray[np.int64] | None]:
    """The batch a reward must see for this call, and which of its rows are this process's (None: all)."""
    if completions is None:
        raise UserError("completions is missing; call as reward(prompts=[...], completions=[...], **columns)")
    size = len(completions)
    kept = {name: values for name, values in columns.items() if name not in NOT_COLUMNS and _is_column(values, size)}
    step = getattr(trainer_state, "global_step", None)
    batch = Batch(completions, prompts, completion_ids=completion_ids, step=step, columns=kept)
    own = None
    if reward.siblings is not None or reward.stateful:
        batch, own = _gathered(batch)
    if reward.siblings == "group":
        check_groups(batch, reward.name)
    return batch, own


def optional(values: Floats) -> list[float | None]:
    """Values as trainers take them: None where not scored."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def check_groups(batch: Batch, name: str) -> None:
    """Raise where a group lacks siblings: sizes that have no common divisor above 1."""
    sizes = np.bincount(batch.groups) if len(batch) else np.array([0])
    if len(batch) and math.gcd(*sizes.tolist()) < 2:
        raise UserError(
            f"reward {name!r} compares the completions of one prompt, and its groups have {sorted(set(sizes.tolist()))} "
            "completions: at least one is incomplete. Make per_device_train_batch_size * steps_per_generation * processes a "
            "multiple of num_generations (>= 2)"
        )


def log(
    name: str,
    scores: Scores,
    log_extra: Callable[[str, list[Any]], None] | None,
    log_metric: Callable[[str, float], None] | None,
) -> None:
    """Report the mean of every part, the unscored share and each outcome's share; per-sample parts go to the completions table."""
    parts = {path: part for path, part in scores.parts.items() if path != name}
    if log_metric is not None and len(scores):
        for path, part in parts.items():
            if not np.isnan(part).all():
                log_metric(f"{name}/{path}", float(np.nanmean(part)))
        log_metric(f"{name}/unscored", float(scores.unscored.mean()))
        for path, outcomes in scores.outcomes().items():
            for outcome, number in outcomes.items():
                log_metric(f"{name}/{path}/{outcome}", number / len(scores))
    if log_extra is not None:
        for path, part in parts.items():
            log_extra(path, part.tolist())


def _is_column(values: Any, size: int) -> bool:
    return isinstance(values, (list, tuple, np.ndarray)) and len(values) == size


def _gathered(local: Batch) -> tuple[Batch, NDArray[np.int64] | None]:
    """The batch of all ranks and this rank's rows; outside of distributed training the local batch and None."""
    distributed: Any = getattr(sys.modules.get("torch"), "distributed", None)
    if (
        distributed is None
        or not (distributed.is_available() and distributed.is_initialized())
        or distributed.get_world_size() < 2
    ):
        return local, None
    shares: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(
        shares, (local.completions, local.prompts, local.completion_ids, local.step, local.columns)
    )
    batches = [Batch(c, p, completion_ids=ids, step=step, columns=columns) for c, p, ids, step, columns in shares]
    start = sum(len(batch) for batch in batches[: distributed.get_rank()])
    return Batch.concat(batches), np.arange(start, start + len(local), dtype=np.int64)
