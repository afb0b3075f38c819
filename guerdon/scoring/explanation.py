"""Explanation: the best and worst samples of a scored file, each with the value of every node of the reward's tree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from guerdon.combine import Combine
from guerdon.reward import Reward
from guerdon.scoring.job import Job
from guerdon.scoring.ledger import Ledger
from guerdon.scoring.recorded import recorded_values

#: Siblings read to explain one sample.
MOST_SIBLINGS = 1024


@dataclass(frozen=True)
class Sample:
    """One scored row: its place in the output (from 1), its record, and what every node of the tree was worth (NaN: not scored, or
    not told by what was recorded)."""

    number: int
    record: Mapping[str, Any]
    value: float
    nodes: Mapping[Reward, float]
    notes: Mapping[str, str]


def extremes(job: Job, ledger: Ledger, k: int) -> tuple[list[Sample], list[Sample]]:
    """The ``k`` best and the ``k`` worst samples, best and worst first; no sample is both."""
    values = ledger.column("value")
    order = np.argsort(-values, kind="stable")[: int((~np.isnan(values)).sum())]
    best = order[: min(k, (len(order) + 1) // 2)]
    worst = order[len(best) :][::-1][:k]
    tellable = told(job.reward)
    ties, offsets = ledger.column("tie"), ledger.column("offset")

    def sample(index: int) -> Sample:
        tied = job.reward.siblings not in (None, "batch")
        rows = np.flatnonzero(ties == ties[index])[:MOST_SIBLINGS] if tied else np.array([index])
        position = int(np.flatnonzero(rows == index)[0]) if index in rows else -1
        if position < 0:
            rows, position = np.append(rows, index), len(rows)
        records = job.output.read(job.out, rows.tolist(), offsets[rows].tolist())
        record = records[position]
        nodes = [node for node in job.reward.walk() if node in tellable]
        found = recorded_values(nodes, job.layout.batch(records, job.step), job.columns)
        worth = {
            node: math.nan if got is None else float(got[position]) for node, got in zip(nodes, found, strict=True)
        }
        worth[job.reward] = float(values[index])
        return Sample(
            index + 1, record, float(values[index]), worth, _notes(record.get(job.columns.note), job.columns.paths)
        )

    return [sample(int(i)) for i in best], [sample(int(i)) for i in worst]


def told(reward: Reward) -> set[Reward]:
    """The nodes of a tree whose values follow from what is recorded.

    Those with a part of their own do. A rule without one is applied anew, which does not tell what it was if it compares the
    whole file, or if it compares siblings of which a rule above passed some over.
    """
    found: set[Reward] = set()

    def follows(node: Reward, selected: bool) -> bool:
        selects = isinstance(node, Combine) and node.law.plan is not None
        below = [follows(child, selected or selects) for child in node.children]
        tied = node.own_tie == "batch" or (node.own_tie is not None and selected)
        if node.own_parts or (all(below) and not tied):
            found.add(node)
        return node in found

    follows(reward, False)
    return found


def _notes(said: str | None, paths: tuple[str, ...]) -> dict[str, str]:
    """The notes of a row by part."""
    notes: dict[str, str] = {}
    last = ""
    for clause in (said or "").split(" | ") if said else ():
        path = next((path for path in sorted(paths, key=len, reverse=True) if clause.startswith(f"{path}: ")), None)
        if path is None:
            notes[last] = f"{notes[last]} | {clause}" if last in notes else clause
        else:
            last = path
            notes[path] = clause[len(path) + 2 :]
    return notes
