"""Output: scored rows as the bytes of a growing file, and the finished file made of it, JSONL or Parquet."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from guerdon.errors import UserError
from guerdon.scores import Floats, Scores
from guerdon.scoring.arrow import pyarrow
from guerdon.scoring.jsonl import line_of, parse_record
from guerdon.scoring.rows import Row

#: Rows of one row group of a Parquet file.
ROW_GROUP = 32_768
#: Marks a column that is JSON text because its values have no common type.
AS_JSON = {b"guerdon": b"json"}

Added = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Columns:
    """The columns that scoring adds: the value, one per part, and the note.

    >>> Columns("reward", ("cosine",)).names
    ('reward', 'reward/cosine', 'reward_note')
    """

    value: str
    paths: tuple[str, ...]

    @property
    def note(self) -> str:
        """The column that says why."""
        return f"{self.value}_note"

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, in order."""
        return (self.value, *(self.part(path) for path in self.paths), self.note)

    def part(self, path: str) -> str:
        """The column of a part."""
        return f"{self.value}/{path}"

    def of(self, scores: Scores) -> dict[str, list[Any]]:
        """What to add for these scores; None where not scored."""
        added: dict[str, list[Any]] = {self.value: _optional(scores.values)}
        for path in self.paths:
            added[self.part(path)] = _optional(scores.parts[path])
        added[self.note] = [scores.note(i) or None for i in range(len(scores))]
        return added


class Output(Protocol):
    """A kind of file that scored rows are written to."""

    def encode(self, rows: Sequence[Row], added: Added) -> tuple[bytes, list[int]]:
        """Rows with added columns as bytes to append, and where in them each row starts (0 where it has no place)."""

    def publish(self, spool: Path, target: Path) -> list[str]:
        """Make the finished file of all that was appended; what the user should know of it."""

    def read(self, target: Path, rows: Sequence[int], offsets: Sequence[int]) -> list[dict[str, Any]]:
        """Rows of the finished file by their number (from 0), ``offsets`` being where they start."""


def find_output(out: Path, schema: Any, added: Columns) -> Output:
    """The kind of output that the file name asks for.

    Raises:
        UserError: the suffix says nothing, or JSON is asked for and a column holds bytes.
    """
    if out.suffix in (".jsonl", ".ndjson"):
        bytes_ = next((field.name for field in schema or () if _binary(field.type)), None)
        if bytes_ is not None:
            raise UserError(
                f"column {bytes_!r} holds bytes, which JSON cannot; write Parquet: --out {out.with_suffix('.parquet')}"
            )
        return JsonLinesOutput()
    if out.suffix == ".parquet":
        pyarrow()
        return ParquetOutput(schema, added)
    raise UserError(f"--out {str(out)!r} has the suffix {out.suffix!r}; write .jsonl or .parquet")


@dataclass(frozen=True)
class JsonLinesOutput:
    """One JSON object per line."""

    def encode(self, rows: Sequence[Row], added: Added) -> tuple[bytes, list[int]]:
        lines = [line_of(record) for record in with_added(rows, added)]
        starts, at = [], 0
        for line in lines:
            starts.append(at)
            at += len(line)
        return b"".join(lines), starts

    def publish(self, spool: Path, target: Path) -> list[str]:
        if spool.exists():
            spool.replace(target)
        return []

    def read(self, target: Path, rows: Sequence[int], offsets: Sequence[int]) -> list[dict[str, Any]]:
        records = []
        with target.open("rb") as file:
            for offset in offsets:
                file.seek(offset)
                records.append(parse_record(file.readline()))
        return records


def _optional(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


def with_added(rows: Sequence[Row], added: Added) -> Iterator[dict[str, Any]]:
    """Each record with its added columns."""
    for i, row in enumerate(rows):
        yield {**row.record, **{name: values[i] for name, values in added.items()}}


@dataclass(frozen=True)
class ParquetOutput:
    """A Parquet file; the growing file is a sequence of Arrow IPC streams, one per chunk.

    Columns of Arrow data keep their types. Of JSON data the types are inferred; a column whose values have no common type is
    written as JSON text.
    """

    schema: Any
    added: Columns

    def encode(self, rows: Sequence[Row], added: Added) -> tuple[bytes, list[int]]:
        arrow = pyarrow()
        if not rows:
            return b"", []
        table = _taken(rows) if all(row.origin for row in rows) else _inferred([row.record for row in rows])
        for name, values in added.items():
            table = table.append_column(self._added_field(name), arrow.array(values, self._added_field(name).type))
        sink = arrow.BufferOutputStream()
        with arrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes(), [0] * len(rows)

    def _added_field(self, name: str) -> Any:
        arrow = pyarrow()
        return arrow.field(name, arrow.string() if name == self.added.note else arrow.float64())

    def publish(self, spool: Path, target: Path) -> list[str]:
        if not spool.exists():
            return []
        schema, mixed = self._common(spool)
        fresh = spool.with_suffix(".parquet")
        with pyarrow().parquet.ParquetWriter(fresh, schema) as writer:
            held: list[Any] = []
            for table in _segments(spool):
                held.append(_conformed(table, schema, mixed))
                if sum(part.num_rows for part in held) >= ROW_GROUP:
                    writer.write_table(pyarrow().concat_tables(held))
                    held = []
            if held:
                writer.write_table(pyarrow().concat_tables(held))
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
        spool.unlink()
        return [
            f"column {name!r} holds values that share no type and is written as JSON text" for name in sorted(mixed)
        ]

    def _common(self, spool: Path) -> tuple[Any, set[str]]:
        """The schema that all chunks fit in, and the columns that have no common type."""
        arrow = pyarrow()
        types: dict[str, list[Any]] = {}
        mixed = set()
        for name in self.schema.names if self.schema is not None else ():
            types[name] = [self.schema.field(name).type]
        for table in _segments(spool):
            for field in table.schema:
                known = types.setdefault(field.name, [])
                if field.type not in known:
                    known.append(field.type)
                if field.metadata == AS_JSON:
                    mixed.add(field.name)
        fields = {}
        for name, known in types.items():
            try:
                each = [arrow.schema([arrow.field(name, kind)]) for kind in known]
                fields[name] = arrow.unify_schemas(each, promote_options="permissive").field(name)
            except arrow.ArrowException:
                mixed.add(name)
        last = dict.fromkeys(self.added.names)
        fields |= {name: arrow.field(name, arrow.string()) for name in mixed}
        names = [name for name in types if name not in last] + list(last)
        return arrow.schema([fields.get(name, self._added_field(name)) for name in names]), mixed

    def read(self, target: Path, rows: Sequence[int], offsets: Sequence[int]) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        with pyarrow().parquet.ParquetFile(target) as file:
            before = 0
            for group in range(file.metadata.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                wanted = sorted({row for row in rows if before <= row < before + size})
                if wanted:
                    table = file.read_row_group(group).take([row - before for row in wanted])
                    found |= dict(zip(wanted, table.to_pylist(), strict=True))
                before += size
        return [found[row] for row in rows]


def _taken(rows: Sequence[Row]) -> Any:
    """Rows as a table, cut out of the record batches they came from."""
    batches: list[tuple[Any, list[int]]] = []
    for row in rows:
        if row.origin is not None:
            batch, index = row.origin
            if not batches or batches[-1][0] is not batch:
                batches.append((batch, []))
            batches[-1][1].append(index)
    taken = [pyarrow().Table.from_batches([batch]).take(index) for batch, index in batches]
    return pyarrow().concat_tables(taken).replace_schema_metadata(None)


def _inferred(records: Sequence[Mapping[str, Any]]) -> Any:
    """Records as a table, types inferred column by column."""
    arrow = pyarrow()
    fields, arrays = [], []
    for name in dict.fromkeys(name for record in records for name in record):
        values = [record.get(name) for record in records]
        try:
            array = arrow.array(values)
            hollow = _hollow(array.type)
        except (arrow.ArrowException, OverflowError, ValueError, TypeError):
            hollow = True
        if hollow:
            array = arrow.array([_json(value) for value in values], arrow.string())
        fields.append(arrow.field(name, array.type, metadata=AS_JSON if hollow else None))
        arrays.append(array)
    return arrow.Table.from_arrays(arrays, schema=arrow.schema(fields))


def _hollow(kind: Any) -> bool:
    """Whether a type holds a struct without fields, which Parquet cannot write."""
    types = pyarrow().types
    if types.is_struct(kind):
        return not kind.num_fields or any(_hollow(kind.field(i).type) for i in range(kind.num_fields))
    return bool(types.is_list(kind)) and _hollow(kind.value_type)


def _binary(kind: Any) -> bool:
    """Whether a type holds bytes."""
    types = pyarrow().types
    if any(is_bytes(kind) for is_bytes in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)):
        return True
    return any(_binary(kind.field(i).type) for i in range(kind.num_fields))


def _json(value: Any) -> str | None:
    return None if value is None else line_of({"": value})[5:-2].decode()


def _segments(spool: Path) -> Iterator[Any]:
    """The tables of a growing file, one after the other."""
    size = spool.stat().st_size
    with pyarrow().OSFile(str(spool)) as file:
        while file.tell() < size:
            yield pyarrow().ipc.open_stream(file).read_all()


def _conformed(table: Any, schema: Any, mixed: set[str]) -> Any:
    """A table under the common schema."""
    arrow = pyarrow()
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(arrow.nulls(table.num_rows, field.type))
            continue
        column, own = table.column(field.name), table.schema.field(field.name)
        if field.name in mixed and own.metadata != AS_JSON:
            columns.append(arrow.array([_json(value) for value in column.to_pylist()], arrow.string()))
        elif own.type == field.type:
            columns.append(column)
        else:
            columns.append(arrow.array(column.to_pylist(), field.type))
    return arrow.Table.from_arrays(columns, schema=schema)
