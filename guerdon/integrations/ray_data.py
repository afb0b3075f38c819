"""Ray Data: the rows of a dataset with a reward's columns added, as one more step of a pipeline that runs there already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from guerdon.errors import UserError
from guerdon.integrations.ray_cluster import check_least, ray_package
from guerdon.reward import Reward
from guerdon.scoring.chunks import BATCH_SIZE
from guerdon.scoring.layout import COMPLETION, SEQUENCES, Layout, find_layout
from guerdon.scoring.output import Columns

Record = Mapping[str, Any]


def score_dataset(
    dataset: Any,
    reward: Reward,
    *,
    prompt: str | None = None,
    completion: str = COMPLETION,
    group: str | None = None,
    value: str = "reward",
    step: int | None = None,
    batch_size: int = BATCH_SIZE,
    workers: int | tuple[int, int] | None = None,
    cpus: float = 1.0,
    gpus: float = 0.0,
    partitions: int | None = None,
) -> Any:
    """A Ray dataset with the columns that ``guerdon score`` adds: ``value``, ``value/<part>`` and ``value_note``.

    Lazy, as everything of Ray Data is. Actors hold the reward, loaded once; one that dies is replaced by Ray. A row without a
    completion, prompt or group is not scored (null), and its note says so. Where the reward compares siblings, rows are hashed to
    partitions by their group first, so their order is lost. A whole partition passes through one actor: choose ``partitions`` so
    that one fits its memory.

    Args:
        prompt, completion, group, value, step, batch_size: as in :class:`~guerdon.scoring.job.Job`.
        workers: actors, or the least and the most of them; None: Ray chooses.
        cpus, gpus: what each needs.
        partitions: into how many the rows are hashed; None: Ray's default.

    Raises:
        UserError: a number is out of range; a column is missing or taken; or the reward ties rows in a way that Ray Data cannot
            keep together.
        MissingColumn: the reward reads a column that is not there.
        MissingExtra: Ray is not installed.
    """
    ray_package()
    from ray.data import ActorPoolStrategy

    least, most = workers if isinstance(workers, tuple) else (workers, workers)
    check_least(
        workers=(least, 1), cpus=(cpus, 0), gpus=(gpus, 0), partitions=(partitions, 1), batch_size=(batch_size, 1)
    )
    columns = Columns(value, tuple(reward.part_owners))
    kinds = _kinds(dataset)
    layout = find_layout(
        reward,
        (),
        declared=list(kinds),
        prompt=prompt,
        completion=completion,
        group=group,
        added=frozenset(columns.names),
    )
    layout = replace(layout, sequences=tuple(name for name in SEQUENCES if name in kinds))
    key = _key(reward, layout, kinds)
    if key is not None:
        dataset = dataset.repartition(partitions, keys=[key])
    return dataset.map_batches(
        _Scoring,
        fn_constructor_args=(reward, layout, columns, key, step, batch_size),
        batch_size=batch_size if key is None else None,  # None: a whole partition, where siblings are together
        batch_format="pyarrow",
        compute=ActorPoolStrategy(min_size=least, max_size=most),
        num_cpus=cpus,
        num_gpus=gpus,
    )


class _Scoring:
    """What runs in a worker."""

    def __init__(
        self, reward: Reward, layout: Layout, columns: Columns, key: str | None, step: int | None, batch_size: int
    ) -> None:
        self.reward, self.layout, self.columns, self.key = reward, layout, columns, key
        self.step, self.batch_size = step, batch_size

    def __call__(self, table: Any) -> Any:
        import pyarrow

        records = table.to_pylist()
        notes = [self.layout.fault(record) or None for record in records]
        added: dict[str, list[Any]] = {name: [None] * len(records) for name in self.columns.names}
        added[self.columns.note] = notes
        for rows in self._batches(records, [i for i, fault in enumerate(notes) if not fault]):
            scores = self.reward.score(self.layout.batch([records[i] for i in rows], self.step))
            for name, values in self.columns.of(scores).items():
                for i, each in zip(rows, values, strict=True):
                    added[name][i] = each
        for name, values in added.items():
            kind = pyarrow.string() if name == self.columns.note else pyarrow.float64()
            table = table.append_column(name, pyarrow.array(values, kind))
        return table

    def _batches(self, records: Sequence[Record], good: Sequence[int]) -> Iterator[list[int]]:
        """Rows to be scored together: siblings in one batch, several groups where there is room."""
        held: list[int] = []
        for rows in self._tied(records, good):
            held += rows
            if len(held) >= self.batch_size:
                yield held
                held = []
        if held:
            yield held

    def _tied(self, records: Sequence[Record], good: Sequence[int]) -> Iterable[list[int]]:
        if self.key is None:
            return [list(good)]
        groups: dict[Any, list[int]] = {}
        for i in good:
            groups.setdefault(records[i].get(self.key), []).append(i)
        return groups.values()


def _kinds(dataset: Any) -> dict[str, Any]:
    """Column -> type of a dataset; empty where it has no rows."""
    schema = dataset.schema()
    return {} if schema is None else dict(zip(schema.names, schema.types, strict=True))


def _key(reward: Reward, layout: Layout, kinds: Mapping[str, Any]) -> str | None:
    """The column whose equal rows must be scored together; None: no reward compares rows."""
    ties = {part.own_tie for part in reward.walk()} - {None}
    if not ties:
        return None
    if len(ties) > 1 or "batch" in ties:
        raise UserError(
            f"reward {reward.name!r} compares rows by {', '.join(sorted(map(str, ties)))}, and Ray Data keeps rows together that "
            "are equal in one column; score files instead: guerdon score --engine ray"
        )
    key = layout.group or layout.prompt if reward.siblings == "group" else reward.siblings
    import pyarrow

    kind = kinds.get(str(key))
    if isinstance(kind, pyarrow.DataType) and pyarrow.types.is_nested(kind):
        raise UserError(
            f"reward {reward.name!r} compares rows of equal {key!r}, which holds {kind}: Ray Data cannot group by that; "
            "add a column of text or numbers that siblings share, and name it: group='...'"
        )
    return key
