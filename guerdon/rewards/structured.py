"""Structured output: whether a completion keeps to the form it was asked for."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import MissingExtra, UserError
from guerdon.frozen import plain
from guerdon.registry import register
from guerdon.reward import Example, column
from guerdon.rewards.textual import Textual
from guerdon.scores import Note, Outcome, Scores
from guerdon.text.json_schema import BAD_SCHEMA, VALID, check_schema, is_quick, stated_json
from guerdon.text.json_text import NOT_JSON, parse_json
from guerdon.verifier_pool import Checked, verifier_pool

Pair = tuple[str, str]


@register("reward")
@dataclass(frozen=True, repr=False)
class JSONSchema(Textual):
    """Whether the completion is JSON that keeps to a JSON Schema: 1 or 0.

    The JSON is all of the text, else its last fenced block, else its last object or array; with ``bare=True`` all of the text.
    The schema is ``schema``, or per sample the one in the column ``schema_column`` (a mapping or JSON text). Short documents are
    checked at once; long ones, and schemas with patterns, references or unique items, in the verifier pool within ``deadline``
    seconds. Range [0, 1]. NaN: no usable schema (``missing_data``), ``timed_out``, ``instrument_error``. No JSON scores 0, noted.

    Raises:
        UserError: neither or both of ``schema`` and ``schema_column``, or a ``schema`` that is none.
        MissingExtra: jsonschema is not installed.

    >>> reward = JSONSchema({"type": "object", "required": ["city"]})
    >>> reward.score(Batch(['{"city": "Rome"}', '{"town": "Rome"}', "Rome"])).values.tolist()
    [1.0, 0.0, 0.0]
    """

    schema: Mapping[str, Any] | None = None
    schema_column: str | None = column(None, expects="a JSON Schema, as a mapping or JSON text")
    bare: bool = False
    deadline: float = 3.0

    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.schema is None) == (self.schema_column is None):
            raise UserError("give either schema=... or schema_column=... to JSONSchema")
        if not 0 < self.deadline < float("inf"):
            raise UserError(f"deadline={self.deadline!r} must be a positive number of seconds")

    def _score(self, batch: Batch) -> Scores:
        _check_jsonschema()
        texts, notes = self.legible(batch)
        schemas = self._schemas(batch)
        values = np.zeros(len(batch))
        pairs: dict[int, Pair] = {}
        for i, (text, schema) in enumerate(zip(texts, schemas, strict=True)):
            if schema is None:
                values[i], notes[i] = np.nan, Note(Outcome.MISSING_DATA, f"no schema in {self.schema_column}")
            elif notes[i] is None:
                document = self._document(text)
                if document is None:
                    notes[i] = Note(Outcome.MALFORMED, "no JSON")
                else:
                    pairs[i] = (schema, document)
        found = _checked(set(pairs.values()), self.deadline)
        for i, pair in pairs.items():
            values[i], notes[i] = self._verdict(found[pair])
        return Scores(values, notes={"": tuple(notes)})

    def _schemas(self, batch: Batch) -> list[str | None]:
        if self.schema_column is None:
            return [json.dumps(plain(self.schema), sort_keys=True)] * len(batch)
        column_values = self.read(batch, self.schema_column)
        return [_schema_text(value) for value in column_values]

    def _document(self, text: str) -> str | None:
        value = parse_json(text) if self.bare else stated_json(text)
        try:
            return None if value is NOT_JSON else json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError):
            return None

    def _verdict(self, checked: Checked) -> tuple[float, Note | None]:
        if not checked.ok:
            return np.nan, Note(checked.outcome, checked.message)
        verdict, why = checked.value
        if verdict == BAD_SCHEMA:
            if self.schema is not None:
                raise UserError(f"schema={dict(self.schema)!r:.200} is no usable JSON Schema: {why}")
            return np.nan, Note(Outcome.MISSING_DATA, f"no usable schema in {self.schema_column}: {why}")
        return float(verdict == VALID), Note(message=why) if why else None

    @classmethod
    def example(cls) -> Example:
        honest = Batch(
            [
                '{"city": "Rome", "population": 2800000}',
                'Here you are:\n```json\n{"city": "Paris", "population": 2}\n```',
            ],
            ["Describe Rome as JSON.", "Describe Paris as JSON."],
        )
        deep = "[" * 3000 + "]" * 3000
        return Example(
            honest,
            {
                "empty": ["", "{}"],
                "question": ["Describe Rome as JSON.", "Describe Paris as JSON."],
                "wrong types": ['{"city": 1, "population": "many"}', '{"city": null, "population": []}'],
                "the schema itself": [json.dumps(plain(cls.example_reward().schema))] * 2,
                "last of several": [
                    '{"city": "Rome", "population": 1} {"city": 2}',
                    '{"city": "Paris", "population": 1}[]',
                ],
                "deep": [deep, f'{{"city": "Rome", "population": {deep}}}'],
            },
        )

    @classmethod
    def example_reward(cls) -> JSONSchema:
        kinds = {"city": {"type": "string"}, "population": {"type": "integer"}}
        return cls({"type": "object", "properties": kinds, "required": ["city", "population"]})


def _checked(pairs: set[Pair], deadline: float) -> dict[Pair, Checked]:
    """What the check says of each (schema, document)."""
    found = {pair: Checked(check_schema(pair)) for pair in pairs if is_quick(*pair)}
    slow = [pair for pair in pairs if pair not in found]
    if slow:
        found |= zip(slow, verifier_pool().map(check_schema, slow, deadline=deadline), strict=True)
    return found


def _schema_text(value: Any) -> str | None:
    """A schema as JSON text; None where there is none."""
    if isinstance(value, str):
        return value if value.strip() else None
    return json.dumps(plain(value), sort_keys=True) if isinstance(value, (Mapping, bool)) else None


@lru_cache(maxsize=1)
def _check_jsonschema() -> None:
    if importlib.util.find_spec("jsonschema") is None:
        raise MissingExtra("jsonschema", extra="text")
