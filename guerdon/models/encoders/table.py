"""A stand-in encoder whose vectors are written down, for tests and exact checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.encoder import Backend, Encoded, Encoder
from guerdon.registry import register


@register("encoder", "table")
@dataclass(frozen=True)
class TableEncoder(Encoder):
    """Vectors by text: ``{text: vector}``, all of one length; returned as they are, not normalised.

    Raises:
        UserError: an empty table, vectors of different lengths, or a text that is not in the table.

    >>> TableEncoder({"a": [1, 0], "b": [0.5, 2]}).embed(["b", "a"]).tolist()
    [[0.5, 2.0], [1.0, 0.0]]
    """

    table: Mapping[str, Sequence[float]]

    def __post_init__(self) -> None:
        if not isinstance(self.table, Mapping) or not self.table:
            raise UserError(f"table={self.table!r:.60} must map at least one text to its vector")
        lengths = {len(vector) for vector in self.table.values()}
        if len(lengths) > 1:
            raise UserError(f"the vectors of table have different lengths: {sorted(lengths)}")
        object.__setattr__(self, "table", FrozenDict(self.table))

    def _load(self) -> Backend:
        return _Table(self.table)


class _Table:
    cacheable = False

    def __init__(self, table: Mapping[str, Sequence[float]]) -> None:
        self.table = table
        self.dimension = len(next(iter(table.values())))
        text = json.dumps({key: list(table[key]) for key in sorted(table)})
        self.fingerprint = f"table/{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    def encode(self, texts: Sequence[str]) -> Encoded:
        missing = [text for text in texts if text not in self.table]
        if missing:
            raise UserError(
                f"text {missing[0]!r:.120} is not in the table of {len(self.table)} texts"
                + (f", nor are {len(missing) - 1} others" if len(missing) > 1 else "")
                + "; add its vector, or name an encoder that can read"
            )
        vectors = np.array([self.table[text] for text in texts], dtype=np.float32)
        return Encoded(vectors, np.zeros(len(texts), np.bool_))
