"""Ledger: the numbers of every scored row in a file of fixed width, so that summaries need not read the rows again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guerdon.batch import Batch
from guerdon.scores import Floats, Scores
from guerdon.text.trajectory import completion_text

#: Rows read at a time.
BLOCK = 16_384
#: Times the file is read to go through its groups.
MOST_PORTIONS = 32


@dataclass(frozen=True)
class Ledger:
    """The columns: ``group`` and ``tie`` keys, ``offset`` of the row in the output, ``length`` of the completion in characters,
    ``value``, every part and every term."""

    path: Path
    parts: tuple[str, ...]
    terms: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """One row."""
        numbers = [
            ("length", "<f8"),
            ("value", "<f8"),
            ("parts", "<f8", (len(self.parts),)),
            ("terms", "<f8", (self.terms,)),
        ]
        return np.dtype([("group", "<u8"), ("tie", "<u8"), ("offset", "<u8"), *numbers])

    def encode(
        self,
        batch: Batch,
        scores: Scores,
        terms: Sequence[Scores],
        *,
        groups: Sequence[int],
        ties: Sequence[int],
        offsets: Sequence[int],
    ) -> bytes:
        """The rows of a batch."""
        rows = np.zeros(len(batch), self.dtype)
        rows["group"], rows["tie"], rows["offset"] = groups, ties, offsets
        rows["length"] = [len(completion_text(completion)) for completion in batch.completions]
        rows["value"] = scores.values
        for k, path in enumerate(self.parts):
            rows["parts"][:, k] = scores.parts[path]
        for k, term in enumerate(terms):
            rows["terms"][:, k] = term.values
        return rows.tobytes()

    def __len__(self) -> int:
        return self.path.stat().st_size // self.dtype.itemsize

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All rows, a block at a time."""
        with self.path.open("rb") as file:
            while len(block := np.fromfile(file, self.dtype, BLOCK)):
                yield block

    def column(self, name: str) -> NDArray[Any]:
        """One column of all rows: (N,), or (N, K) for ``"parts"`` and ``"terms"``."""
        empty = np.zeros(0, self.dtype)[name]
        return np.concatenate([empty, *(block[name].copy() for block in self.blocks())])

    def groups(self, most: int = 100_000) -> Iterator[tuple[NDArray[np.uint64], Floats]]:
        """The group keys and values of all rows, in portions of about ``most`` rows that no group reaches across."""
        portions = min(MOST_PORTIONS, len(self) // most + 1)
        for portion in range(portions):
            picked = [block[block["group"] % portions == portion][["group", "value"]] for block in self.blocks()]
            rows = np.concatenate([np.zeros(0, self.dtype)[["group", "value"]], *picked])
            yield rows["group"], rows["value"]

    def group_numbers(self) -> NDArray[np.int64]:
        """(N,) group keys as small numbers."""
        return np.unique(self.column("group"), return_inverse=True)[1]
