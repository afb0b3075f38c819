"""Arrow tables, from Parquet files and Hugging Face datasets, read as rows from any place on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from guerdon.errors import MissingExtra, UserError
from guerdon.scoring.jsonl import file_fingerprint
from guerdon.scoring.rows import START, Place, Row

#: Rows taken out of a table at a time.
SLICE = 1024


def pyarrow() -> ModuleType:
    """The pyarrow package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("pyarrow", extra="bench") from None
    package: ModuleType = pyarrow
    return package


def hugging_face() -> ModuleType:
    """The datasets package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import datasets
    except ImportError:
        raise MissingExtra("datasets", extra="bench") from None
    package: ModuleType = datasets
    return package


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file.

    Raises:
        UserError: it is no Parquet file.
    """

    path: Path
    schema: Any = field(init=False, compare=False, repr=False)
    size: int = field(init=False, compare=False, repr=False)

    unit = "row"

    def __post_init__(self) -> None:
        with self._open() as file:
            object.__setattr__(self, "schema", file.schema_arrow)
            object.__setattr__(self, "size", file.metadata.num_rows)

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.schema.names)

    def fingerprint(self) -> str:
        return file_fingerprint(self.path)

    def rows(self, start: Place = START) -> Iterator[Row]:
        """Every row from a place on."""
        with self._open() as file:
            groups, skip = _groups_from(file.metadata, start.number)
            before = start.number - skip
            for batch in self._batches(file, groups):
                passed = min(skip, batch.num_rows)
                yield from _rows(batch.slice(passed), before + passed)
                skip, before = skip - passed, before + batch.num_rows

    def _batches(self, file: Any, groups: list[int]) -> Iterator[Any]:
        batches = file.iter_batches(SLICE, row_groups=groups)
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except (OSError, pyarrow().ArrowException) as error:
                self._damaged(error, "to its end")
            yield batch

    def share(self, place: Place) -> float | None:
        return place.number / self.size if self.size else 1.0

    def _open(self) -> Any:
        arrow = pyarrow()
        try:
            return arrow.parquet.ParquetFile(self.path, memory_map=True)
        except (OSError, arrow.ArrowException) as error:
            self._damaged(error, "as Parquet")

    def _damaged(self, error: Exception, where: str) -> NoReturn:
        raise UserError(f"{self.name} cannot be read {where}: {' '.join(str(error).split())[:200]}") from error


def _groups_from(metadata: Any, start: int) -> tuple[list[int], int]:
    """The row groups from the one that holds row ``start`` on, and how many of its rows come before."""
    before = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if before + rows > start:
            return list(range(group, metadata.num_row_groups)), start - before
        before += rows
    return [], 0


@dataclass(frozen=True)
class HuggingFaceDataset:
    """A ``datasets.Dataset``, on disk or from the hub. Its rows are plain values: images stay the bytes they are stored as."""

    name: str
    dataset: Any = field(repr=False)

    unit = "row"
    path = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.dataset.column_names)

    @property
    def schema(self) -> Any:
        """The Arrow schema."""
        return self.dataset.features.arrow_schema

    def fingerprint(self) -> str:
        """The fingerprint that the datasets library keeps, and the number of rows."""
        return f"{self.dataset._fingerprint}-{len(self.dataset)}"

    def rows(self, start: Place = START) -> Iterator[Row]:
        """Every row from a place on."""
        tables = self.dataset.with_format("arrow")
        for at in range(start.number, len(self.dataset), SLICE):
            for batch in tables[at : at + SLICE].combine_chunks().to_batches():
                yield from _rows(batch, at)

    def share(self, place: Place) -> float | None:
        return place.number / len(self.dataset) if len(self.dataset) else 1.0


def _rows(batch: Any, before: int) -> Iterator[Row]:
    """The rows of a record batch that ``before`` rows come before."""
    records = batch.to_pylist()
    size = batch.nbytes // max(1, len(records))
    for index, record in enumerate(records):
        number = before + index + 1
        yield Row(Place(number, number), record, size=size, origin=(batch, index))
