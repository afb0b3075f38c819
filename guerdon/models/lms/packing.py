"""In which order and company rows of tokens are run: groups with a common prefix, waves of groups, batches under a token budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guerdon.models.lms.prefixes import LEAST, Prefix, prefix_groups

# How many first tokens are shared, and by which rows.
Group = tuple[int, list[int]]
# A row, and the prefix it goes on from.
Job = tuple[int, Prefix | None]


@dataclass(frozen=True, eq=False)
class Row:
    """A distinct sequence to score.

    Attributes:
        ids: context and target.
        first: the position whose hidden state predicts the first target token; prefixes end before it.
        temperature: of the request.
        prompt_length: tokens of its prompt.
    """

    ids: tuple[int, ...]
    first: int
    temperature: float
    prompt_length: int


def shared_groups(rows: Sequence[Row], *, keeps: bool) -> list[Group]:
    """Rows by the prefix they share; where prefixes are kept for later (``keeps``), a row that shares none keeps its prompt's.

    >>> ids = tuple(range(20))
    >>> shared_groups([Row(ids, 12, 1.0, 10), Row(ids[:15] + (7,), 13, 1.0, 10)], keeps=False)
    [(12, [0, 1])]
    >>> shared_groups([Row(ids, 12, 1.0, 10)], keeps=True)
    [(10, [0])]
    """
    groups = prefix_groups([row.ids for row in rows], [row.first for row in rows])
    if not keeps:
        return groups
    prompts = [min(row.prompt_length, row.first) for row in rows]
    return [(n or (prompts[m[0]] if prompts[m[0]] >= LEAST else 0), m) for n, m in groups]


def waves(groups: Sequence[Group], rows: Sequence[Row], budget: int) -> Iterator[list[Group]]:
    """Groups a few at a time, long ones first, so that the prefixes in memory at once stay below a quarter of the budget."""
    wave: list[Group] = []
    held = work = 0
    for length, members in sorted(groups, key=lambda group: -max(len(rows[i].ids) for i in group[1])):
        tokens = sum(len(rows[i].ids) - length for i in members)
        if wave and (held + length > budget // 4 or work + tokens > 4 * budget):
            yield wave
            wave, held, work = [], 0, 0
        wave.append((length, members))
        held, work = held + length, work + tokens
    if wave:
        yield wave


def packed(jobs: Sequence[Job], rows: Sequence[Row], budget: int) -> Iterator[list[Job]]:
    """Jobs in batches of at most ``budget`` tokens, columns of prefixes and padding included, or of one job.

    >>> rows = [Row((1,) * n, 0, 1.0, 0) for n in (2, 5, 3, 2)]
    >>> [[i for i, _ in batch] for batch in packed([(i, None) for i in range(4)], rows, 6)]
    [[1], [2, 0], [3]]
    """

    def shape(job: Job) -> tuple[int, int]:
        held = 0 if job[1] is None else len(job[1])
        return held, len(rows[job[0]].ids) - held

    batch: list[Job] = []
    held = new = 0
    for job in sorted(jobs, key=shape, reverse=True):
        before, after = max(held, shape(job)[0]), max(new, shape(job)[1])
        if batch and (before + after) * (len(batch) + 1) > budget:
            yield batch
            batch, (before, after) = [], shape(job)
        batch.append(job)
        held, new = before, after
    if batch:
        yield batch
