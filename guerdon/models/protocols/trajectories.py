"""The trajectories of a batch of agents, with what the environment inserted told apart where a column says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guerdon.batch import Batch
from guerdon.errors import UserError
from guerdon.text.search_trace import SEARCH_TAGS
from guerdon.text.trajectory import Trajectory, parse_trajectory


def agent_trajectories(batch: Batch, environment: str | None = None) -> tuple[Trajectory, ...]:
    """Every completion parsed into turns, once per batch; ``environment`` names the column of inserted spans.

    Raises:
        UserError: spans that are no list of (start, end).
        MissingColumn: there is no such column.

    >>> trace = agent_trajectories(Batch(["<search>a</search>found"], spans=[[(18, 23)]]), "spans")[0]
    >>> [(turn.kind, turn.role) for turn in trace]
    [('search', 'assistant'), ('information', 'environment')]
    """

    def parsed() -> tuple[Trajectory, ...]:
        given: Sequence[Any] = (None,) * len(batch) if environment is None else batch[environment]
        return tuple(
            parse_trajectory(completion, environment_spans=_spans(spans, environment, i), tags=SEARCH_TAGS)
            for i, (completion, spans) in enumerate(zip(batch.completions, given, strict=True))
        )

    return batch.cached(("agent trajectories", environment), parsed)


def _spans(value: Any, name: str | None, row: int) -> list[tuple[int, int]]:
    try:
        return [(int(start), int(end)) for start, end in ([] if value is None else value)]
    except (TypeError, ValueError):
        raise UserError(f"{name}[{row}]={value!r:.80} must be a list of (start, end) character positions") from None
